"""One finished tiny run, which tests copy, whole or without what follows from its predictions."""

import shutil

import pytest

from tests.workflow import broken
from tests.workflow.project import Project


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """The tiny config, run to its end; not to be changed."""
    project = Project.create(tmp_path_factory.mktemp("finished") / "project")
    project.run()
    return project


@pytest.fixture
def finished(finished_run, tmp_path):
    """A copy of the finished run, to be changed."""
    return finished_run.copy(tmp_path / "project")


def only_random(config: dict) -> None:
    """The fewest jobs."""
    config.update(methods={"random": {}}, figures={}, reference="random")


@pytest.fixture(scope="session")
def unexplained_run(finished_run, tmp_path_factory):
    """The finished run without its attributions and what follows from them; not to be changed."""
    project = finished_run.copy(tmp_path_factory.mktemp("unexplained") / "project")
    project.configure(only_random)
    for folder in ("attributions", "scores", "tables", "figures", "logs"):
        shutil.rmtree(project.results / folder)
    return project


@pytest.fixture
def unexplained(unexplained_run, tmp_path):
    """A copy of that run, to be changed; what is begun in it does not outlive the test."""
    yield unexplained_run.copy(tmp_path / "project")
    broken.end()
