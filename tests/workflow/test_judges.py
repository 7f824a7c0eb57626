"""Metrics that draw, explain anew, or come from another library, in one run."""

import numpy as np
import pandas as pd
import pytest

from tests.workflow.project import Project

pytestmark = pytest.mark.workflow
pytest.importorskip("quantus")


def configure(config: dict) -> None:
    """Two methods, and a metric of every kind, all at their smallest; the ensemble cannot be explained anew."""
    own = ["attexplore", "random"]
    config["shard_size"] = 10
    config["data"]["tiny"]["first"] = 3
    config["methods"] = {"attexplore": {"attack": "ssa_short"}, "random": {}, "attens": {"of": own}}
    config["metrics"] = {
        "infidelity": {"samples": 3, "methods": ["attexplore"]},
        "sensitivity_max": {"samples": 2, "methods": own},
        "layers": {"use": "model_randomisation", "stages": 2, "methods": own},
        "pixels": {"use": "quantus", "name": "PixelFlipping", "arguments": {"features_in_step": 576}},
    }
    config["metrics"]["pixels"]["methods"] = ["attexplore", "attens"]
    config["figures"] = {"randomisation": {"metric": "layers"}}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A finished run."""
    project = Project.create(tmp_path_factory.mktemp("judges") / "project")
    project.configure(configure)
    project.run()
    return project


def scores(project: Project, metric: str) -> pd.DataFrame:
    return pd.read_parquet(project.results / f"scores/tiny/{metric}.parquet").set_index("method")


def test_every_metric_has_its_table_and_the_figure_is_drawn(project):
    names = ("infidelity", "sensitivity_max", "layers", "pixels")
    assert {p.name for p in (project.results / "tables").glob("*.md")} == {f"tiny_{name}.md" for name in names}
    assert (project.results / "figures/tiny_randomisation.png").stat().st_size > 10_000
    assert "a control" in (project.results / "tables/tiny_layers.md").read_text()
    assert project.planned() == set()


def test_a_control_is_explained_with_the_draws_of_its_stored_map(project):
    assert (scores(project, "layers").loc["random", "randomised_similarity"] == 1).all()
    assert (scores(project, "sensitivity_max").loc["random", "sensitivity_max"] == 0).all()


def test_a_method_moves_with_its_model_and_its_image(project):
    assert (scores(project, "layers").loc["attexplore", "randomised_similarity"] < 0.9).all()
    assert (scores(project, "sensitivity_max").loc["attexplore", "sensitivity_max"] > 0).all()


def test_an_ensemble_is_scored_where_nothing_is_explained_anew(project):
    assert np.isfinite(scores(project, "infidelity")["infidelity"]).all()
    found = scores(project, "pixels")
    assert list(found.index) == ["attexplore"] * 3 + ["attens"] * 3
    assert np.stack(found["PixelFlipping_curve"]).shape == (6, 3)
