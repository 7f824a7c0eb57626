"""The profiles name what there is, and never keep what a failed job has half made."""

import re
from pathlib import Path

import pytest
import yaml
from snakemake_executor_plugin_slurm import partitions

ROOT = Path(__file__).parents[1]
PROFILES = {path.parent.name: yaml.safe_load(path.read_text()) for path in (ROOT / "profiles").glob("*/config.yaml")}
RULES = set(
    re.findall(r"^(?:use )?rule (\w+)", "".join(p.read_text() for p in ROOT.glob("workflow/rules/*.smk")), re.M)
)


@pytest.mark.parametrize("name", PROFILES)
def test_a_killed_run_goes_on_and_nothing_half_made_is_kept(name):
    assert PROFILES[name]["rerun-incomplete"] is True
    assert "keep-incomplete" not in PROFILES[name]


def test_groups_are_of_rules_that_exist_and_keep_to_one_gpu():
    slurm = PROFILES["slurm"]
    members = dict(pair.split("=") for pair in slurm["groups"])
    assert members.keys() <= RULES
    assert {pair.split("=")[0] for pair in slurm["group-components"]} <= set(members.values())
    assert slurm["set-resource-scopes"] == ["gpu=local", "member=local"]
    assert slurm["resources"] == ["gpu=1", "member=1"]
    assert "cores" not in slurm  # would scale down the threads of all jobs


def test_the_plugin_understands_the_partitions():
    found = partitions.read_partition_file(ROOT / PROFILES["slurm"]["slurm-partition-config"])
    assert {each.name: each.limits.max_gpu for each in found} == {"cpu": 0, "gpu": 4}


def test_jobs_are_tried_again_on_a_cluster_alone():
    assert PROFILES["slurm"]["retries"] == 2
    assert "retries" not in PROFILES["default"]
