"""What a job depends on: nothing that changes its result is missing, and the whole configuration is no part of it."""

import shutil

import pytest

from attx import provenance, roots, slices
from attx.config import Config
from attx.data import listing, sample

CONFIG = {
    "data": {"sample": {}},
    "models": {"resnet50": {}},
    "metrics": {"insertion_deletion": {}},
    "methods": {"smoothgrad": {}, "own": {"use": "gradient_shap", "references": {"use": "csv", "file": "labels.csv"}}},
}


@pytest.fixture
def image(tmp_path, monkeypatch):
    """One reference image, of whose bytes the digest is not yet known."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(sample.build()[0].path, tmp_path / "a.jpg")
    (tmp_path / "labels.csv").write_text("path,label\na.jpg,1\n")
    listing.forget()
    return tmp_path / "a.jpg"


def test_references_enter_by_their_bytes_and_for_their_method_alone(image):
    def of_each():
        listing.forget()
        return roots.each(
            slices.attribute(Config.of(CONFIG), data="sample", model="resnet50", methods=CONFIG["methods"])
        )

    before = of_each()
    shutil.copy(sample.build()[1].path, image)
    after = of_each()
    assert before["smoothgrad"] == after["smoothgrad"]
    assert before["own"]["method"] == after["own"]["method"]
    assert before["own"] != after["own"]
    assert "attx.data.csv" in roots.roots("attribute", after["own"])


def test_a_training_depends_on_bytes_and_labels(image):
    drawn = {"use": "csv", "file": "labels.csv"}
    config = Config.of(CONFIG | {"training": {"mine": {"use": "nat", "data": drawn, "test": drawn}}})

    def found():
        listing.forget()
        return slices.train(config, training="mine")["images"]

    before = found()
    (image.parent / "labels.csv").write_text("path,label\na.jpg,2\n")
    relabelled = found()
    shutil.copy(sample.build()[1].path, image)
    assert len({before["data"], relabelled["data"], found()["data"]}) == 3


def test_images_are_read_once_for_all_that_draw_them(monkeypatch):
    read = []
    monkeypatch.setattr(listing, "_contents", {})
    monkeypatch.setattr(listing, "entries", lambda spec, where: read.append(where) or [])
    assert len({listing.content('{"use":"csv"}', f"config: training.{label}.data") for label in "abc"}) == 1
    assert read == ["config: training.a.data"]


@pytest.mark.parametrize(
    ("spec", "attacks"),
    [
        ({"use": "attexplore", "attack": "mig"}, {"mig"}),
        ({"use": "big"}, {"bim", "mi"}),
        ({"use": "big", "attacks": ["pgd"]}, {"pgd"}),
        ({"use": "smoothgrad"}, set()),
    ],
)
def test_a_methods_attacks_are_its_code(spec, attacks):
    found = roots.roots("attribute", {"method": spec})
    assert {root for root in found if root.startswith("attx.attacks.")} == {f"attx.attacks.{name}" for name in attacks}


@pytest.mark.parametrize("stage", ["attribute", "attack", "judge", "trace", "combine", "score", "predict"])
def test_the_configs_code_is_no_job_code(stage):
    assert not {"attx.config", "attx.checks", "attx.presets"} & provenance.modules(f"attx.stages.{stage}")
