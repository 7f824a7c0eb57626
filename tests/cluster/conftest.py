"""One Slurm for all tests, one undisturbed run on this machine alone to compare with."""

import shutil

import pytest

from tests.cluster import slurm as cluster
from tests.cluster.project import ClusterProject


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A running Slurm."""
    reason = cluster.absent()
    if reason:
        pytest.skip(reason)
    with cluster.running(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture(scope="session")
def undisturbed(slurm, tmp_path_factory) -> ClusterProject:
    """A finished run without Slurm; not to be changed."""
    project = ClusterProject.create(tmp_path_factory.mktemp("undisturbed") / "project")
    project.run()
    return project


@pytest.fixture
def unexplained(slurm, undisturbed, tmp_path):
    """A copy without attributions and what follows from them; what a test leaves at work ends with it."""
    project = undisturbed.copy(tmp_path / "project")
    for folder in ("attributions", "scores", "tables", "logs"):
        shutil.rmtree(project.results / folder)
    yield project
    project.end()
    slurm.clear()
