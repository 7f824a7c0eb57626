"""`attx plan` against what a run did, and what it says where it cannot know."""

import copy
import json
import subprocess
import sys
import time

import pytest
import yaml

from attx import store
from attx.cli import main
from attx.config import Config
from attx.data import manifest
from attx.plan import count, jobs, rate, text
from tests.workflow.project import REPOSITORY, Project

pytestmark = pytest.mark.workflow
MACHINE = {"threads": 1, "dtype": "float32", "batch_size": 16}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The plan of the tiny config, of which nothing is done."""
    project = Project.create(tmp_path_factory.mktemp("planned") / "project")
    command = [sys.executable, "-m", "attx", "plan", "--configfile", "config/tiny.yaml", "--rate", "net=1", "--json"]
    done = subprocess.run(command, cwd=project.root, env=project.environment(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def left(project, monkeypatch, config="config/tiny.yaml"):
    """What is left to do in a project."""
    monkeypatch.chdir(project.root)
    monkeypatch.setenv("PYTHONPATH", str(project.root))
    return jobs.left(Config.of(yaml.safe_load((project.root / config).read_text())), config)


def test_passes_and_jobs_are_those_of_a_real_run(plan, finished_run):
    found = {}
    for path in (finished_run.results / "attributions").rglob("*.zarr.zip"):
        attributes = store.read(path).attributes
        passes = found.setdefault(attributes["method"], {"forward": 0, "backward": 0})
        for way in passes:
            passes[way] += attributes[f"{way}_passes"]
    planned = {row["label"]: row for row in plan["rows"] if row["kind"] == "method"}
    assert {label: {way: row[way] for way in ("forward", "backward")} for label, row in planned.items()} == found
    (scores,) = (row for row in plan["rows"] if row["kind"] == "metric")
    points = -(-24 * 24 // 64) + 1
    assert (scores["images"], scores["forward"]) == (3 * 4, 3 * 4 * (2 * (points - 2) + 2))
    assert scores["bytes"] == 3 * 4 * 2 * (2 * points + 2) * 8
    counts = {stage: len(list((finished_run.results / "logs" / stage).rglob("*.log"))) for stage in plan["jobs"]}
    assert plan["jobs"] == counts
    assert plan["images"] == {"tiny": 4}


def test_a_given_rate_replaces_the_measured_one(plan):
    model = plan["models"]["net"]
    assert model["backward_seconds"] == 1
    (row,) = (row for row in plan["rows"] if row["label"] == "integrated_gradients")
    assert 4 * 4 <= row["seconds"] < 2 * 4 * 4  # and a little work beside the passes
    assert model["memory"] > 1e8
    assert model["start_seconds"] > 0


def test_a_model_that_the_run_trains_is_measured_before_it_is():
    spec = {"use": "trained", "weights": "results/training/nat/weights.safetensors", "size": 8}
    found = rate.model(spec, MACHINE | {"precision": "full"}, "cpu", time.time())
    assert found["shape"] == (8, 8)
    assert found["backward_seconds"] > 0


def test_only_what_is_left_is_planned(finished, monkeypatch):
    assert left(finished, monkeypatch).jobs == {}
    finished.configure(lambda config: config["methods"]["integrated_gradients"].update(steps=5))
    found = left(finished, monkeypatch)
    assert found.jobs == {"attribute": 2, "score": 2, "collect": 1, "table": 1, "figure": 2}
    assert [(work.kind, work.label, n) for work, n in found.work.items()] == [
        ("method", "integrated_gradients", 4),
        ("metric", "insertion_deletion", 4),
    ]


def test_images_are_counted_in_a_shards_file_that_stays(finished, monkeypatch):
    file = next((finished.results / "data/tiny/shards").glob("*.csv"))
    *kept, _ = manifest.read(file)
    manifest.write(file, kept)
    found = left(finished, monkeypatch)
    assert "shard" not in found.jobs
    assert found.images["tiny"] == len(kept)


def test_the_papers_config_is_planned_without_images_and_weights(tmp_path, monkeypatch):
    project = Project.create(tmp_path / "project")
    monkeypatch.setenv("ATTX_WEIGHTS", str(tmp_path / "none"))
    file = project.root / "config/paper.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"shard_size": 1000}, sort_keys=False))
    found = left(project, monkeypatch, "config/paper.yaml")
    assert found.images["ilsvrc"] == 1000
    assert found.jobs["weights"] == len(found.starts) == 5
    assert {work.model for work in found.work} == set(found.starts)


@pytest.mark.parametrize(
    ("use", "forward", "backward"),
    [("smoothgrad", 50, 50), ("random", 0, 0), ("mfaba", 50, 50), ("agi", 400, 800), ("deeplift", 5 / 4, 5 / 4)],
)
def test_passes_are_those_of_a_batch_and_at_most(use, forward, backward):
    found = count.cost({"method": {"use": use}}, (32, 32), MACHINE, "cpu")
    assert (found["forward"], found["backward"]) == (forward, backward)


def test_work_that_the_toy_model_cannot_do_is_not_known(plan):
    found = count.cost({"method": {"use": "attexplore", "attack": "naa", "layer": "stem"}}, (32, 32), MACHINE, "cpu")
    assert "stem" in found["error"]
    changed = copy.deepcopy(plan)
    changed["configfile"] = "x.yaml"
    changed["rows"][0] = {key: changed["rows"][0][key] for key in ("kind", "label", "model", "images")} | found
    assert f"not known, and in no total: {changed['rows'][0]['label']} ({found['error']}"[:60] in text.text(changed)
    changed["jobs"] |= {"train": 2, "compare": 3}
    assert "in no total: jobs of train 2, compare 3" in text.text(changed)


def test_five_models_fit_a_hundred_columns(plan):
    wide = copy.deepcopy(plan) | {"configfile": "wide.yaml"}
    names = ["inception_v3", "resnet50", "vgg16", "maxvit_t", "vit_b_16"]
    wide["models"] = dict.fromkeys(names, plan["models"]["net"])
    wide["starts"] = dict.fromkeys(names, 1000)
    wide["rows"] = [row | {"model": name, "seconds": 3.6e6, "images": 330000} for row in plan["rows"] for name in names]
    lines = text.text(wide).splitlines()
    assert max(map(len, lines)) <= 100
    assert "too little" not in text.text(wide)
    wide["free_bytes"] = wide["machine_memory"] = 1000
    assert text.text(wide).count("too little") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--configfile", "nowhere.yaml"], "nowhere.yaml: cannot be read: No such file"),
        (["--configfile", "list.yaml"], "list.yaml: is no configuration"),
        (["--configfile", "tiny.yaml"], "there is no Snakefile here"),
        (["--configfile", "tiny.yaml", "--rate", "nett=3"], "--rate: unknown model 'nett'; did you mean 'net'?"),
        (["--configfile", "tiny.yaml", "--rate", "net=0"], "--rate net=0: give MODEL=NUMBER"),
    ],
)
def test_mistakes(tmp_path, monkeypatch, capfd, arguments, message):
    (tmp_path / "list.yaml").write_text("[1, 2]")
    (tmp_path / "tiny.yaml").write_text((REPOSITORY / "config/tiny.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    assert main(["plan", *arguments]) == 2
    assert f"error: {message}" in capfd.readouterr().err
