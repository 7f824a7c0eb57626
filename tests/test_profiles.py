"""The profiles name what there is, and never keep what a failed job has half made."""

import re
from pathlib import Path

import pytest
import yaml
from snakemake_executor_plugin_slurm import partitions

from attx import resources

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


def test_no_attempt_asks_for_more_than_a_partition_gives(tmp_path):
    file = tmp_path / "partitions.yaml"
    file.write_text(
        "partitions: {cpu: {max_runtime: 2-00:00:00, max_mem_mb: 9000}, gpu: {max_runtime: 1440, max_gpu: 1}}"
    )
    assert [resources.attempted(780, attempt, resources.most("runtime", file, True)) for attempt in (1, 2)] == [
        780,
        1440,
    ]
    assert [resources.attempted(780, attempt, resources.most("runtime", file, False)) for attempt in (2, 3)] == [
        1560,
        2880,
    ]
    assert resources.attempted(9001, 3, resources.most("mem_mb", file, True)) == 36004  # it has no limit
    assert resources.attempted(9001, 3, resources.most("mem_mb", None, False)) == 36004


def test_jobs_are_tried_again_on_a_cluster_alone():
    assert PROFILES["slurm"]["retries"] == 2
    assert "retries" not in PROFILES["default"]
