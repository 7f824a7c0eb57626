"""Bad input: one clear error at the end, nothing lost, and the next run goes on from there."""

import shutil
from pathlib import Path

import pytest

from attx.data import manifest
from tests.workflow.broken import STORES, ages, assert_finishes, failing, told_at_the_end
from tests.workflow.project import Project

pytestmark = pytest.mark.workflow


def test_all_bad_images_are_listed_before_anything_runs(finished_run, tmp_path):
    project = Project.create(tmp_path / "project")
    images = project.root / "images"
    images.mkdir()
    rows = manifest.read(finished_run.results / "data/tiny/manifest.csv")
    for row in rows:
        shutil.copy(row.path, images)
    names = [Path(row.path).name for row in rows]
    (images / names[1]).write_bytes((images / names[1]).read_bytes()[:9999])
    (images / "text.png").write_text("not a picture\n")
    labels = dict(zip(names, (0, 1, 999, 1000), strict=True)) | {"text.png": 5}
    (images / "labels.csv").write_text("path,label\n" + "".join(f"{name},{k}\n" for name, k in labels.items()))
    project.configure(lambda config: config.update(data={"tiny": {"use": "csv", "file": "images/labels.csv"}}))
    output = failing(project)
    error = output[output.index("error: ") :].splitlines()
    assert error[0].startswith("error: 3 of 5 images cannot be used; mend them or take them out of the data set:")
    assert error[1].startswith(f"  images/{names[1]}: cannot be decoded: image file is truncated")
    assert error[2:] == [
        f"  images/{names[3]}: label 1000 is out of range (0 to 999)",
        "  images/text.png: not an image",
    ]
    assert not any(project.results.rglob("*"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": {"random": {"sed": 3}}}, "error: config: methods.random: unknown key 'sed'; did you mean 'seed'?"),
        # also where results of an earlier run exist, which Snakemake would take for good
        ({"data": {"tiny": {"use": "csv", "file": "no.csv"}}}, "error: config: data.tiny: no.csv: cannot be read: "),
        ({"models": {"net": {"use": "python", "function": "broken:make"}}}, "broken.py is not Python that can be read"),
    ],
)
def test_a_mistake_in_the_config_ends_the_run_at_once(finished, change, message):
    (finished.root / "broken.py").write_text("def make(:\n")
    finished.configure(lambda config: config.update(change))
    before = ages(finished)
    last = failing(finished).splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert ages(finished) == before


TWO = """
import torch

class Two(torch.nn.Module):
    def forward(self, images):
        return images.mean((2, 3)), images
"""


def test_a_model_that_fails_takes_no_other_with_it(unexplained, finished_run):
    (unexplained.root / "own_models.py").write_text(TWO)
    two = {"two": {"use": "python", "function": "own_models:Two", "size": 24}}
    unexplained.configure(lambda config: config["models"].update(two))
    told = told_at_the_end(failing(unexplained))
    assert "error: the model own_models:Two returned a tuple, not a tensor of logits: wrap it in a module" in told
    assert "log: results/tiny/logs/weights/weights/two.log" in told
    kept = ages(unexplained)
    assert unexplained.results / STORES / "s0000.zarr.zip" in kept
    unexplained.configure(lambda config: config["models"].pop("two"))
    assert_finishes(unexplained, kept, finished_run)
