"""What figures ask for beside scores: variants, other models' maps, paths, adversarial images; and shared jobs."""

import numpy as np
import pandas as pd
import pytest

from attx import store
from tests.workflow.project import Project

pytestmark = pytest.mark.workflow
METHOD = "saliency_gradient"


def configure(config: dict) -> None:
    """Two models of different sizes, two methods and their ensemble, every kind of figure."""
    config["shard_size"] = 10
    config["methods_per_job"] = 2
    config["data"]["tiny"]["first"] = 3
    config["models"]["wide"] = config["models"]["net"] | {"size": 32}
    config["attacks"] |= {"bim": {"steps": 2}}
    config["methods"] = {
        "saliency_gradient": {},
        "attexplore": {"attack": "ssa_short"},
        "attens": {"of": ["attexplore", "saliency_gradient"]},
        "best": {"use": "attens", "of": ["attexplore", "saliency_gradient"], "rule": "best"},
    }
    config["figures"] = {
        "epsilon": {"use": "ablation", "parameter": "epsilon", "values": ["4/255", "16/255"]},
        "cross_model": {"images": 2},
        "path": {"images": 2},
        "transfer": {},
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A finished run."""
    project = Project.create(tmp_path_factory.mktemp("sources") / "project")
    project.configure(configure)
    project.run()
    return project


def source(project: Project, figure: str) -> pd.DataFrame:
    return pd.read_parquet(project.results / f"sources/tiny/{figure}.parquet")


def maps(project: Project, method: str, model: str = "net") -> np.ndarray:
    return store.read(project.results / f"attributions/tiny/{model}/{method}/s0000.zarr.zip").attributions


def test_every_figure_and_its_table_are_made(project):
    figures = {p.name for p in (project.results / "figures").glob("*.png")}
    assert figures == {f"tiny_{name}.png" for name in ("epsilon", "cross_model", "path", "transfer")}
    tables = {p.name for p in (project.results / "tables").glob("*.md")}
    assert {"tiny_epsilon.md", "tiny_cross_model.md", "tiny_transfer.md", "tiny_insertion_deletion.md"} <= tables
    assert project.planned() == set()


def test_every_store_holds_what_its_name_says(project):
    stores = sorted((project.results / "attributions").rglob("*.zarr.zip"))
    held = [[store.read(path).attributes[key] for key in ("data", "model", "method")] for path in stores]
    assert held == [list(path.parent.parts[-3:]) for path in stores]
    assert {method for _, _, method in held} > {"attexplore", "saliency_gradient"}


def test_an_ablation_shares_what_the_method_has_anyway(project):
    found = source(project, "epsilon")
    variant = "attexplore@epsilon=0.0156863"
    assert set(found["method"]) == {"attexplore", variant}
    assert set(found["base"]) == {"attexplore"}
    assert dict(zip(found["method"], found["value"], strict=True)) == {"attexplore": 16 / 255, variant: 4 / 255}
    assert not np.array_equal(maps(project, variant), maps(project, "attexplore"))
    scores = pd.read_parquet(project.results / "scores/tiny/insertion_deletion.parquet")
    assert set(scores["method"]) == {"attexplore", "saliency_gradient", "attens", "best"}


def test_maps_of_one_model_are_judged_by_the_other(project):
    table = source(project, "cross_model")
    assert set(table["data"]) == {"tiny"}
    found = table.groupby(["source", "model"])["insertion_auc"].apply(list)
    assert set(found.index) == {(a, b) for a in ("net", "wide") for b in ("net", "wide")}
    scores = pd.read_parquet(project.results / "scores/tiny/insertion_deletion.parquet")
    own = scores[(scores["method"] == "attexplore") & (scores["model"] == "wide")]["insertion_auc"]
    assert found["wide", "wide"] == list(own[:2])  # of the first images alone
    assert found["net", "wide"] != list(own[:2])


def test_a_path_starts_at_the_image_and_raises_its_class(project):
    found = source(project, "path")
    assert set(found["step"]) == {0, 1, 2}
    assert found["image_id"].nunique() == 2
    start, end = found[found["step"] == 0], found[found["step"] == 2]
    assert (start["distance"] == 0).all()
    assert end["distance"].between(0.01, 16 / 255 + 1e-9).all()
    assert (end["probability"].to_numpy() > start["probability"].to_numpy()).all()


def test_adversarial_images_stay_within_epsilon_and_go_to_the_other_model(project):
    found = source(project, "transfer")
    assert set(found["attack"]) == {"ssa_short", "bim"}
    assert set(found["model"]) == {"net", "wide"}
    assert set(found["source"]) == {"net"}
    assert (found["distance"] - 16 / 255).abs().max() < 1e-9


def test_an_ensemble_is_made_of_the_stores(project):
    held = store.read(project.results / "attributions/tiny/net/attens/s0000.zarr.zip")
    members = [
        store.read(project.results / f"attributions/tiny/net/{m}/s0000.zarr.zip").attributes
        for m in ("attexplore", "saliency_gradient")
    ]
    for cost in ("forward_passes", "backward_passes"):
        assert held.attributes[cost] == sum(m[cost] for m in members)


def test_the_best_of_an_ensemble_has_the_best_score(project):
    scores = pd.read_parquet(project.results / "scores/tiny/insertion_deletion.parquet")
    gain = (scores["insertion_auc"] - scores["deletion_auc"]).groupby([scores["model"], scores["method"]]).apply(list)
    for model in ("net", "wide"):
        best = np.maximum(gain[model, "attexplore"], gain[model, "saliency_gradient"])
        assert np.allclose(gain[model, "best"], best, rtol=0, atol=1e-12)


def test_one_changed_method_of_a_shared_job_leaves_the_other_alone(project, tmp_path):
    changed = project.copy(tmp_path / "project")
    before = {m: maps(changed, m) for m in ("attexplore", "saliency_gradient")}
    path = changed.results / "attributions/tiny/net/attexplore/s0000.zarr.zip"
    made = path.read_bytes()
    changed.configure(lambda config: config["methods"]["saliency_gradient"].update(output="logit"))
    said = changed.run("--until", "attribute_1").stdout
    assert "tiny/net/attexplore/s0000: kept, nothing of it has changed" in said
    assert path.read_bytes() == made
    assert not np.array_equal(maps(changed, "saliency_gradient"), before["saliency_gradient"])
    # and jobs of one method each make the same maps
    changed.configure(lambda config: config.update(methods_per_job=1))
    changed.configure(lambda config: config["methods"]["saliency_gradient"].clear())
    path.unlink()
    changed.run("--until", "attribute")
    for method, expected in before.items():
        assert np.array_equal(maps(changed, method), expected)


def test_a_shared_job_that_fails_keeps_what_it_found_right_and_nothing_of_other_settings(project, tmp_path):
    changed = project.copy(tmp_path / "project")
    kept, other = (changed.results / f"attributions/tiny/net/{m}/s0000.zarr.zip" for m in ("attexplore", METHOD))
    made, before = kept.read_bytes(), maps(changed, METHOD)
    new = changed.results / "attributions/tiny/wide/attexplore/s0000.zarr.zip"
    new.unlink()
    wrong = {"use": "captum", "name": "Occlusion", "arguments": {"sliding_window_shapes": [3, 99, 99]}}
    changed.configure(lambda config: config["methods"].update({METHOD: wrong}))
    failed = changed.run("--until", "attribute_1", check=False)
    assert failed.returncode == 1
    assert "4 jobs failed. What was finished is kept" in failed.stdout, failed.stdout
    assert kept.read_bytes() == made
    assert new.exists()
    assert not other.exists()  # or it would count as made with the wrong settings
    changed.configure(lambda config: config["methods"].update({METHOD: {"output": "logit"}}))
    said = changed.run("--until", "attribute_1").stdout
    assert "tiny/net/attexplore/s0000: kept, nothing of it has changed" in said
    assert not np.array_equal(maps(changed, METHOD), before)
