"""The environments of envs/ are in step with each other, with pyproject.toml, and with what is there to be copied."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
ENVS = ROOT / "envs"
CONFIG = """
data: {digits: {first: 2}}
models: {efficientnet_lite0: {}}
methods: {random: {}}
metrics: {insertion_deletion: {}}
"""


def pins(lock: str) -> dict[str, str]:
    """The version of each package of a lock on this machine."""
    lines = re.findall(r"^(\S+==\S+(?: ; .*)?) \\$", (ENVS / lock).read_text(), re.MULTILINE)
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): str(r.specifier)[2:] for r in found if not r.marker or r.marker.evaluate()}


def wanted(extras: set[str]) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + [line for e in extras for line in project["optional-dependencies"][e]]
    return [Requirement(line) for line in lines]


def python_version() -> str:
    """That for which the locks are made."""
    return re.search(r"--python-version (\S+)", (ROOT / "Makefile").read_text())[1]


def test_the_lock_of_runs_has_the_versions_of_the_whole_one():
    assert pins("run.lock").items() < pins("requirements.lock").items()


def test_the_locks_have_what_the_project_asks_for():
    for lock, extras in (("run.lock", {"cluster", "quantus"}), ("requirements.lock", {"dev"})):
        held = pins(lock)
        for requirement in wanted(extras):
            if not requirement.marker or requirement.marker.evaluate():
                assert requirement.specifier.contains(held[canonicalize_name(requirement.name)]), requirement


def test_packages_of_the_lock_of_runs_agree_so_that_pip_takes_them():
    held = pins("run.lock")
    for name, version in held.items():
        assert distribution(name).version == version, f"{name}: installed is another version than locked"
        for requirement in map(Requirement, distribution(name).requires or []):
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                assert requirement.specifier.contains(held[canonicalize_name(requirement.name)]), (name, requirement)


def test_conda_and_apptainer_take_python_as_locked_for_and_the_lock_of_runs():
    conda = yaml.safe_load((ENVS / "attx.yaml").read_text())["dependencies"]
    (by_pip,) = (entry["pip"] for entry in conda if isinstance(entry, dict))
    assert f"python={python_version()}" in conda
    assert by_pip == ["--require-hashes", "-r run.lock"]  # pip reads it beside the file
    recipe = (ENVS / "attx.def").read_text()
    assert f"From: python:{python_version()}-slim" in recipe
    assert "--require-hashes -r /opt/attx/envs/run.lock" in recipe


def test_the_image_has_what_the_workflow_is_made_of():
    files = re.search(r"%files\n((?:    .*\n)+)", (ENVS / "attx.def").read_text())[1]
    copied = dict(line.split() for line in files.splitlines())
    assert all((ROOT / source).exists() and target == f"/opt/attx/{source}" for source, target in copied.items())
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = {folder.split("/")[0] for folder in needed["tool"]["setuptools"]["package-dir"].values()}
    assert copied.keys() >= folders | {"Snakefile", "workflow", "profiles", "envs", "pyproject.toml"}
    assert copied.keys() >= {needed["project"]["readme"], *needed["project"]["license-files"]}


def test_the_container_checks_a_config_before_snakemake_reads_it(tmp_path):
    recipe = (ENVS / "attx.def").read_text()
    script = re.search(r"%runscript\n((?:    .*\n)+)", recipe)[1]
    (tmp_path / "snakemake").write_text("#!/bin/sh\nprintf '<%s>' \"$@\"\n")
    (tmp_path / "snakemake").chmod(0o755)
    (tmp_path / "python").symlink_to(sys.executable)
    (tmp_path / "mine.yaml").write_text(CONFIG)
    (tmp_path / "theirs.yaml").write_text(f"__use_yte__: true\n{CONFIG}")
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}

    def run(*arguments):
        command = ["sh", "-c", script, "attx.sif", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True, timeout=600, check=False)

    assert run("mine.yaml", "--cores", "2").stdout.endswith("<--cores><2><--configfile><mine.yaml>")
    refused = run("theirs.yaml", "--cores", "2")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "theirs.yaml: __use_yte__ makes it a template" in refused.stderr
    assert "usage: apptainer run" in run("--cores", "2").stderr


def test_the_workflow_runs_in_another_folder_than_its_own(tmp_path):
    (tmp_path / "mine.yaml").write_text(CONFIG)
    profile = ["--workflow-profile", str(ROOT / "profiles/default")]
    command = ["snakemake", "--snakefile", str(ROOT / "Snakefile"), *profile, "--configfile", "mine.yaml", "--dry-run"]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^attribute +1$", done.stdout, re.MULTILINE)
