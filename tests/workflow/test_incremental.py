"""Reruns of exactly what changed: each row of the promise, on the tiny config."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from attx import predictions, store
from attx.data import manifest

pytestmark = pytest.mark.workflow

SHARDS = ("s0000", "s0001")


def jobs(rule: str, *wildcards: str) -> set[str]:
    """A rule's jobs for both shards."""
    return {" ".join([rule, *wildcards, shard]) for shard in SHARDS}


def of_method(method: str) -> set[str]:
    """All jobs that depend on one method's attributions."""
    score = {f"score tiny insertion_deletion net {method} signed {shard}" for shard in SHARDS}
    return jobs("attribute", "tiny", "net", method) | score | RESULTS


RESULTS = {
    "collect tiny insertion_deletion",
    "table tiny insertion_deletion",
    "figure tiny curves",
    "figure tiny montage",
}


def test_a_finished_run_has_everything_and_nothing_left_to_do(finished_run):
    made = {str(p.relative_to(finished_run.results)) for p in finished_run.results.rglob("*") if p.is_file()}
    for form in ("csv", "md", "tex"):
        assert f"tables/tiny_insertion_deletion.{form}" in made
    for figure in ("curves", "montage"):
        assert {f"figures/tiny_{figure}.pdf", f"figures/tiny_{figure}.png"} <= made
    assert finished_run.planned() == set()


def test_comments_and_docstrings_rerun_nothing(finished):
    for path in ("attx/attack.py", "attx/attacks/ssa.py", "kernels/spectrum.py", "attx/stages/attribute.py"):
        file = finished.root / path
        text = file.read_text()
        assert re.match(r'"""', text)
        file.write_text('"""Another word. ' + text[3:] + "\n\n# a comment\n")
    assert finished.planned() == set()


def test_an_edited_attack_reruns_what_uses_it(finished):
    finished.edit("attx/attacks/ssa.py", "Momentum(decay)", "Momentum(decay / 2)")
    assert finished.planned() == of_method("attexplore")


def test_an_edited_kernel_reruns_what_imports_it(finished):
    finished.edit("kernels/spectrum.py", "rows.T @ (x @ columns) if", "rows.T @ (x @ columns + 0) if")
    assert finished.planned() == of_method("attexplore")


def test_an_edited_figure_reruns_itself(finished):
    finished.edit("attx/figures/montage.py", "percentile: float = 99.0", "percentile: float = 98.0")
    assert finished.planned() == {"figure tiny montage"}


def test_a_changed_parameter_reruns_its_method(finished):
    finished.configure(lambda config: config["methods"]["integrated_gradients"].update(steps=5))
    assert finished.planned() == of_method("integrated_gradients")


def test_a_changed_metric_reruns_the_scores(finished):
    finished.configure(lambda config: config["metrics"]["insertion_deletion"].update(pixels_per_step=32))
    scores = {
        f"score tiny insertion_deletion net {method} signed {shard}"
        for method in ("attexplore", "integrated_gradients", "random")
        for shard in SHARDS
    }
    assert finished.planned() == scores | RESULTS - {"figure tiny montage"}


def test_an_added_method_runs_itself(finished):
    finished.configure(lambda config: config["methods"].update(edges={}))
    assert finished.planned() == of_method("edges")


def test_an_added_figure_runs_itself(finished):
    finished.configure(lambda config: config["figures"].update(bars={}))
    assert finished.planned() == {"figure tiny bars"}


def test_a_touched_source_of_the_config_reruns_nothing(finished):
    (finished.root / "config/tiny.yaml").touch()
    (finished.root / "attx/attack.py").touch()
    assert finished.planned() == set()


@pytest.fixture
def own_images(finished_run, tmp_path):
    """The finished run of a project whose images are files of the user's own."""
    project = finished_run.copy(tmp_path / "project")
    images = project.root / "images"
    images.mkdir()
    lines = ["path,label"]
    for row in manifest.read(project.results / "data/tiny/manifest.csv")[:3]:
        shutil.copy(row.path, images)
        lines.append(f"{Path(row.path).name},{row.label}")
    (images / "labels.csv").write_text("\n".join(lines) + "\n")

    def change(config):
        config["data"] = {"tiny": {"use": "csv", "file": "images/labels.csv"}}
        config["methods"] = {"random": {}}
        config["figures"] = {}
        config["reference"] = "random"

    project.configure(change)
    project.run()
    assert project.planned() == set()
    return project


def test_a_touched_image_reruns_nothing_and_a_changed_one_its_shard(own_images):
    images = sorted((own_images.root / "images").glob("*.jpg"))
    for image in images:
        image.touch()
    assert own_images.planned() == set()
    held = next(s for s in SHARDS if images[0].name in (own_images.results / f"data/tiny/shards/{s}.csv").read_text())
    images[0].write_bytes(images[0].read_bytes() + b"\0")
    planned = own_images.planned()
    assert {job for job in planned if job.endswith(SHARDS)} == {
        f"shard tiny {held}",
        f"predict tiny net {held}",
        f"attribute tiny net random {held}",
        f"score tiny insertion_deletion net random signed {held}",
    }


def test_an_added_image_reruns_its_shard_alone(own_images):
    images, shards = own_images.root / "images", own_images.results / "data/tiny/shards"
    kept = {path.stem: path.read_text() for path in shards.iterdir()}
    source = next(images.glob("*.jpg"))
    (images / "new.jpg").write_bytes(source.read_bytes() + b"\0")
    with open(images / "labels.csv", "a") as listed:
        listed.write("new.jpg,3\n")
    planned = own_images.planned()
    touched = {job.split()[-1] for job in planned if job.startswith("attribute")}
    own_images.run()
    grown = {path.stem: path.read_text() for path in shards.iterdir()}
    assert len(touched) == 1
    assert touched == {name for name in grown if grown[name] != kept[name]}
    folder = own_images.results / "attributions/tiny/net/random"
    ids = [i for name in grown for i in store.read(folder / f"{name}.zarr.zip").image_ids]
    assert len(ids) == len(set(ids)) == 4
    assert own_images.planned() == set()


def test_keep_correct_scores_the_images_that_all_models_get_right(own_images):
    folder = own_images.results / "predictions/tiny/net"
    found = {i: p for path in sorted(folder.iterdir()) for i, p in predictions.read(path).items()}
    wrong = min(found)
    lines = ["path,label", *(f"{i},{p.predicted + (i == wrong)}" for i, p in found.items())]
    (own_images.root / "images/labels.csv").write_text("\n".join(lines) + "\n")
    own_images.configure(lambda config: config["data"]["tiny"].update(keep="correct"))
    own_images.run()
    scores = pd.read_parquet(own_images.results / "scores/tiny/insertion_deletion.parquet")
    assert set(scores["image_id"]) == set(found) - {wrong}
    assert own_images.planned() == set()
