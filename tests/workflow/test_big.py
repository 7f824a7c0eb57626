"""Many images: planning takes seconds, and a job leaves few files. `make big` measures a whole run."""

import os
import re

import pytest

from tests.workflow.project import Project

pytestmark = pytest.mark.workflow

IMAGES = 20_000
SECONDS = 20  # of CPU: 2.5 were measured, 1.5 of them for an empty plan


@pytest.fixture
def many(tmp_path):
    """A project with many images, which are empty: nothing looks into them until a run starts."""
    project = Project.create(tmp_path / "project")
    for number in range(IMAGES):
        folder = project.root / f"images/c{number % 10}"
        if number < 10:
            folder.mkdir(parents=True)
        (folder / f"{number:05d}.png").touch()

    def change(config):
        config["data"] = {"tiny": {"use": "folder", "root": "images"}}
        del config["shard_size"]

    project.configure(change)
    return project


def test_many_images_are_planned_in_seconds(many):
    before = os.times()
    text = many.run("--dry-run", "--quiet", "host").stdout
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < SECONDS
    planned = {rule: int(number) for rule, number in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)}
    shards = {"shard": 64, "predict": 64, "attribute": 3 * 64, "score": 3 * 64}
    assert planned == shards | dict.fromkeys(("weights", "collect", "table", "all"), 1) | {"figure": 2, "total": 518}
    assert "images/c" not in text  # as inputs Snakemake would look at all of them whenever it chooses a job


def test_a_job_leaves_its_output_a_log_and_a_record_and_little_else(finished_run):
    made = [path for path in finished_run.results.rglob("*") if path.is_file()]
    logs = [path for path in made if path.suffix == ".log"]
    outputs = len(made) - len(logs) - 2  # the manifest, and the stamps of images
    records = [path for path in (finished_run.root / ".snakemake/metadata").rglob("*") if path.is_file()]
    assert len(records) == outputs
    assert len(logs) <= outputs
    others = [path for path in (finished_run.root / ".snakemake").rglob("*") if path.is_file()]
    assert len(others) - len(records) <= 5
