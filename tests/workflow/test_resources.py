"""What jobs ask for makes nothing run again, and keeps nothing from running."""

import re

import psutil
import pytest
import yaml
from snakemake.profiles import ProfileConfigFileParser

from attx.config import Config
from attx.plan import saved
from tests.workflow.project import REPOSITORY

pytestmark = pytest.mark.workflow
TABLE = "results/tiny/tables/tiny_insertion_deletion.csv"


def test_what_jobs_ask_for_is_no_reason_to_run_again(finished, monkeypatch):
    monkeypatch.chdir(finished.root)
    config = Config.of(yaml.safe_load((finished.root / "config/tiny.yaml").read_text()))
    model = {"shape": [24, 24], "batch_size": 4, "device": "cpu", "given": False, "memory": 77e9}
    model |= {"forward_seconds": 60.0, "backward_seconds": 90.0}
    saved.save(config, {"models": {"net": model}, "rows": []})
    assert finished.planned() == set()
    said = finished.run("--dry-run", "--forcerun", "predict", "--quiet", "host").stdout
    asked = re.search(r"mem_mb=(\d+)", resources_of(said)["predict"])
    assert int(asked[1]) > 10000  # forward alone: a share of what was measured


def resources_of(said):
    """What each rule asks for by a dry run's words."""
    return dict(re.findall(r"^ *rule (\w+):\n(?: +(?!rule).*\n)*? +resources: (.*)", said, re.M))


def test_a_kind_of_gpu_is_asked_for_by_those_that_use_one(finished):
    asked = ("--default-resources", "gpu_model=a100", "--set-resources", "predict:gpu=1", "score:gpu=0")
    found = resources_of(finished.run("--dry-run", "--forceall", "--quiet", "host", *asked).stdout)
    assert {rule for rule, resources in found.items() if "gpu_model=a100" in resources} == {"predict"}
    assert {"shard", "attribute", "score", "table"} <= found.keys()


def test_a_job_that_asks_for_more_than_there_is_runs_all_the_same(finished):
    said = finished.run("--resources", "mem_mb=100", "--force", TABLE).stdout
    assert "1 of 1 steps (100%) done" in said


@pytest.mark.parametrize(("given", "gpus"), [("", 1), ("3", 3)])
def test_the_default_profile_has_the_memory_of_the_machine_and_the_gpus_of_make(given, gpus, monkeypatch):
    monkeypatch.setenv("GPUS", given)
    with open(REPOSITORY / "profiles/default/config.yaml", encoding="utf-8") as profile:
        found = ProfileConfigFileParser().parse(profile)["resources"]
    assert found == [f"gpu={gpus}", f"mem_mb={psutil.virtual_memory().total // 1000000}"]
