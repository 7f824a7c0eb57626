"""Hostile names through the real workflow: no shell obeys them, and no link in the results leads a job elsewhere."""

import shutil

import pytest

from attx.data import sample
from tests.workflow.project import Project

pytestmark = pytest.mark.workflow

FOLDER = 'a\'b; touch harmed1; $(touch harmed2) `touch harmed3` "&& touch harmed4" | * ~ #'
IMAGES = ("-rf $(touch harmed5).jpg", "'; touch harmed6 #.jpg")
RESULTS = "results/my run"
MADE = ("predictions/tiny/net/s0000.csv", "logs/predict/predictions/tiny/net/s0000.log", "weights/net.json")


def test_no_name_is_a_command_and_no_link_is_followed(tmp_path):
    project = Project.create(tmp_path / "project")
    place = project.root / FOLDER / "-class 'one'"
    place.mkdir(parents=True)
    for entry, name in zip(sample.build(), IMAGES, strict=False):
        shutil.copy(entry.path, place / name)
    project.configure(
        lambda config: config.update(
            data={"tiny": {"use": "folder", "root": FOLDER}},
            results=RESULTS,
            note="$(touch harmed7) '; touch harmed8 #",
        )
    )
    before = sorted(path.name for path in project.root.iterdir())
    precious = tmp_path / "precious"
    precious.write_text("mine")
    for made in MADE[:2]:
        path = project.root / RESULTS / made
        path.parent.mkdir(parents=True)
        path.symlink_to(precious)
    project.run(f"{RESULTS}/{MADE[0]}", "--forcerun", "predict")
    assert precious.read_text() == "mine"
    assert not any((project.root / RESULTS / made).is_symlink() for made in MADE)
    assert sorted(path.name for path in project.root.iterdir()) == sorted([*before, ".snakemake", "results"])


def test_a_config_names_no_function_to_the_workflow(tmp_path):
    project = Project.create(tmp_path / "project")
    function = {"use": "python", "function": "os:system", "arguments": {"command": "touch harmed"}}
    project.configure(lambda config: config["models"].update(net=function))
    said = project.run("--dry-run", check=False).stdout
    assert "error: config: models.net.function: os:system is not run" in said
    assert "Traceback" not in said
    assert not (project.root / "harmed").exists()


def test_the_snakefile_refuses_a_template_by_itself(tmp_path):
    project = Project.create(tmp_path / "project")
    config = project.root / "config/tiny.yaml"
    (project.root / "config.yaml").write_text(f"__use_yte__: true\n{config.read_text()}\n?open('harmed', 'w'): 1\n")
    command = [part for part in project.command("--dry-run") if part not in ("--configfile", "config/tiny.yaml")]
    project.command = lambda *_: command
    assert "config.yaml: __use_yte__ makes it a template" in project.run(check=False).stdout
    assert not (project.root / "harmed").exists()
