"""What a run would make, of labels and files with unusual names: dry runs alone."""

import re
import shutil

import pytest

from attx.data import sample
from tests.workflow.project import Project

pytestmark = pytest.mark.workflow


@pytest.fixture
def project(tmp_path):
    """A fresh project with one image of the user's own."""
    project = Project.create(tmp_path / "project")
    (project.root / "images").mkdir()
    shutil.copy(sample.build()[0].path, project.root / "images/a b.jpg")
    (project.root / "images/labels.csv").write_text("path,label\na b.jpg,1\n")
    project.configure(lambda config: config.update(data={"tiny": {"use": "csv", "file": "images/labels.csv"}}))
    return project


def test_labels_may_have_dots_and_signs(project):
    def change(config):
        config["metrics"] = {"ins+del.1": {"use": "insertion_deletion"}}
        config["figures"] = {"curves+1.5": {"use": "curves"}}

    project.configure(change)
    planned = project.planned()
    assert {"table tiny ins+del.1", "figure tiny curves+1.5"} <= planned


@pytest.mark.parametrize(("config", "planned"), [("tiny", {"weights", "fetch"}), ("robustness", {"fetch"})])
def test_fetching_weights_trains_no_model(project, config, planned):
    (project.root / "config" / f"{config}.yaml").rename(project.root / "config/tiny.yaml")
    said = project.run("fetch", "--dry-run", "--quiet", "host").stdout
    assert set(re.findall(r"^(\w+) +\d+$", said, re.MULTILINE)) == planned | {"total"}


def test_braces_in_names_are_refused(project):
    (project.root / "images/a b.jpg").rename(project.root / "images/{a}.jpg")
    (project.root / "images/labels.csv").write_text("path,label\n{a}.jpg,1\n")
    output = project.run("--dry-run", check=False).stdout
    assert "error: config: data.tiny: Snakemake cannot take braces in names; rename images/{a}.jpg" in output


def test_own_weights_are_an_input_wherever_they_lie(project, monkeypatch):
    monkeypatch.setenv("HOME", str(project.root / "images"))
    (project.root / "images/own.pth").touch()
    project.configure(lambda config: config["models"]["net"].update(weights="~/own.pth"))
    output = project.run("--dry-run", "--quiet", "host").stdout
    assert f"    input: {project.root}/images/own.pth\n" in output


def test_a_figure_may_be_labelled_as_a_metric(project):
    project.configure(lambda config: config.update(figures={"insertion_deletion": {"use": "bars"}}))
    assert {"table tiny insertion_deletion", "figure tiny insertion_deletion"} <= project.planned()


def test_a_run_of_attacks_alone(project):
    def change(config):
        del config["methods"], config["metrics"]
        config["figures"] = {"transfer": {"attacks": ["bim"]}}

    project.configure(change)
    assert {"attack tiny net bim s0000", "figure_table tiny transfer", "figure tiny transfer"} <= project.planned()


def test_figures_of_more_images_than_there_are(project):
    project.configure(lambda config: config.update(figures={"path": {"images": 4}}))
    assert "trace tiny@first=4 net attexplore s0000" in project.planned()


def test_a_new_figure_says_what_it_needs_and_may_have_a_table(project):
    figure = project.root / "attx/figures/dots.py"
    figure.write_text("def draw(source): pass\n\n\ndef table(source): pass\n")
    project.configure(lambda config: config.update(figures={"dots": {}}))
    output = project.run("--dry-run", check=False).stdout
    assert "error: config: figures.dots: NEEDS of attx/figures/dots.py: unknown value None" in output
    figure.write_text(f'NEEDS = "scores"\n\n\n{figure.read_text()}')
    assert {"figure tiny dots", "figure_table tiny dots"} <= project.planned()


def test_shared_jobs_make_nothing_that_is_not_asked_for(project):
    def change(config):
        config["methods_per_job"] = 3
        config["data"] = {
            "tiny": {"use": "sample", "first": 4},
            "more": {"use": "sample", "first": 2, "keep": "correct"},
        }
        config["shard_size"] = 10
        config["methods"]["both"] = {"use": "attens", "of": ["attexplore", "random"]}
        config["figures"] = {"steps": {"use": "ablation", "parameter": "steps", "values": [2, 3], "images": 1}}

    project.configure(change)
    planned = {job for job in project.planned() if job.split()[0].startswith(("attribute", "combine"))}
    shared = {f"attribute_1 {data} net s0000" for data in ("tiny", "more", "tiny@first=1", "more@first=1")}
    variants = {f"attribute_2 {data}@first=1 net s0000" for data in ("tiny", "more")}
    assert planned == shared | variants | {f"combine {data} net both s0000" for data in ("tiny", "more")}


def test_references_that_are_not_there_are_one_error(project):
    references = {"use": "folder", "root": "nowhere"}
    project.configure(lambda config: config.update(methods={"gradient_shap": {"references": references}}))
    output = project.run("--dry-run", check=False).stdout
    assert "error: config: methods.gradient_shap.references: nowhere" in output
    assert "Traceback" not in output
