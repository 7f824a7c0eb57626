"""Trained models, perturbed images, maps of them compared, other seeds: as a workflow, on digits."""

import numpy as np
import pandas as pd
import pytest
import torch

import attx
from attx import store
from tests.workflow.project import Project

pytestmark = pytest.mark.workflow

SHORT = {"epsilon": "26/255", "alpha": "13/255", "steps": 3, "k": 20}


def configure(config: dict) -> None:
    """A net trained for an epoch; two perturbations, one of them at two amplitudes; two seeds."""
    config["shard_size"] = 10
    config["methods_per_job"] = 2
    config["data"] = {"digits": {"first": 3}}
    config["training"] = {"short": {"use": "nat", "size": 16, "epochs": 1, "data": {"use": "digits", "first": 200}}}
    config["models"] = {"net": {"use": "trained", "training": "short"}}
    config["attacks"] = {}
    config["methods"] = {"saliency_gradient": {}, "attexplore": {"steps": 2, "copies": 2}, "random": {}}
    config["postprocess"] = {"signed": {}, "abs.1": {"sign": "absolute", "channels": "sum"}}
    config["perturbations"] = {"random_sign": dict(SHORT), "topk": dict(SHORT)}  # YAML would have them be one
    config["metrics"] = {
        "robustness": {"k": 20, "epsilons": ["13/255", "26/255"], "methods": ["saliency_gradient", "random"]},
        "seeds": {"use": "seed_stability", "k": 20, "seeds": [1, 3407]},
    }
    config["figures"] = {
        "robustness_curves": {"metric": "robustness"},
        "top_pixels": {"images": 2, "k": 20, "methods": ["saliency_gradient"]},
        "training_curves": {},
        "leaderboard": {},
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A finished run."""
    project = Project.create(tmp_path_factory.mktemp("robustness") / "project")
    project.configure(configure)
    project.run()
    return project


def scores(project: Project, metric: str) -> pd.DataFrame:
    return pd.read_parquet(project.results / f"scores/digits/{metric}.parquet")


def read(project: Project, *place: str, array: str = "attribution") -> store.Attributions:
    return store.read(project.results.joinpath(*place) / "s0000.zarr.zip", array=array)


def test_every_table_and_figure_is_made_and_nothing_is_left_to_do(project):
    figures = {path.stem for path in (project.results / "figures").glob("*.png")}
    drawn = ("robustness_curves", "top_pixels", "training_curves", "leaderboard")
    assert figures == {f"digits_{name}" for name in drawn}
    tables = {path.stem for path in (project.results / "tables").glob("*.md")}
    assert {f"digits_{name}" for name in ("robustness", "seeds", "training_curves", "leaderboard")} <= tables
    assert project.planned() == set()
    logs = (project.results / "logs/compare/scores/digits").rglob("*.log")
    assert {path.stem for path in logs} == {"s0000"}


@pytest.mark.parametrize("label", ["topk", "random_sign@epsilon=0.0509804"])
def test_perturbed_images_are_near_and_keep_their_prediction(project, label):
    content = read(project, "perturbed/digits/net", label, array="perturbed")
    weights = project.results / "training/short/weights.safetensors"
    model = attx.load_model("net", use="trained", net="small_cnn", weights=str(weights), size=16)
    images, _ = attx.load_images("digits", model.double(), first=3)
    found = torch.from_numpy(content.attributions)
    assert content.attributes["spec"]["perturbation"]["epsilon"] == pytest.approx((13 if "@" in label else 26) / 255)
    assert (found - images).abs().amax() <= content.attributes["spec"]["perturbation"]["epsilon"] + 1e-12
    assert torch.equal(model(found).argmax(1), model(images).argmax(1))
    assert (found != images).flatten(1).any(1).tolist() == [step > 0 for step in content.attributes["step"]]


def test_scores_are_those_of_the_stored_maps(project):
    clean = read(project, "attributions/digits/net/saliency_gradient")
    found = read(project, "attributions/digits/net/saliency_gradient/under/topk")
    assert clean.attributes["method"] == found.attributes["method"] == "saliency_gradient"
    read_as = {"signed": np.asarray, "abs.1": np.abs}
    maps = {reading: [change(c.attributions).sum(1) for c in (clean, found)] for reading, change in read_as.items()}
    table = scores(project, "robustness")
    assert set(table["epsilon"]) == {13 / 255, 26 / 255}
    rows = table[(table["method"] == "saliency_gradient") & (table["perturbation"] == "topk")]
    for reading, pair in maps.items():
        chosen = rows[(rows["epsilon"] == 26 / 255) & (rows["postprocess"] == reading)]
        expected = attx.map_similarity(*pair, k=20)
        assert list(chosen["image_id"]) == clean.image_ids
        np.testing.assert_allclose(chosen["top_k_intersection"], expected["top_k_intersection"])
        np.testing.assert_allclose(chosen["lens_recall_at_k_w3"], expected["lens_recall_at_k"])
        assert (chosen["top_k_intersection"] < 1).any()
    # what does not look at the image is the same for another one, under the same draws
    assert (table[table["method"] == "random"]["top_k_intersection"] == 1).all()


def test_other_seeds_are_compared_where_a_method_draws(project):
    table = scores(project, "seeds").set_index("method")
    assert (table.loc[["saliency_gradient"], "top_k_intersection"] == 1).all()
    assert (table.loc[["attexplore", "random"], "top_k_intersection"] < 1).all()
    made = {path.name for path in (project.results / "attributions/digits/net").iterdir()}
    assert made == {"attexplore", "attexplore@seed=1", "random", "random@seed=1", "saliency_gradient"}


@pytest.fixture
def copied(project, tmp_path) -> Project:
    return project.copy(tmp_path / "project")


def test_a_longer_attack_reruns_what_it_perturbs(copied):
    copied.configure(lambda config: config["perturbations"]["topk"].update(steps=4))
    planned = copied.planned()
    assert {job.split()[0].rstrip("_0123456789") for job in planned} == {
        *("perturb", "attribute_perturbed", "compare", "collect", "table", "gather", "figure", "figure_table"),
    }
    assert {job for job in planned if "random_sign" in job or "seeds" in job} == set()


def test_another_training_reruns_what_the_model_is_part_of(copied):
    copied.configure(lambda config: config["training"]["short"].update(epochs=2))
    assert {job.split()[0] for job in copied.planned()} >= {"train", "weights", "figure"}
    before = scores(copied, "robustness")["spearman"]
    copied.run()
    assert copied.planned() == set()
    assert not np.array_equal(scores(copied, "robustness")["spearman"], before)


def test_a_perturbation_alone_is_not_judged_without_a_config_that_says_how(copied):
    copied.configure(lambda config: config.pop("perturbations"))
    said = copied.run("--dry-run", check=False).stdout
    assert "metrics.robustness: robustness compares maps of perturbed images, and the config has no pert" in said
