"""What jobs ask for: enough passes, memory and time by guess, and what a kept plan says instead."""

import json

import pytest

from attx import registry, resources, slices
from attx.config import Config, canonical
from attx.errors import UserError
from attx.needs import explains, pairs
from attx.plan import saved
from attx.plan.count import cost
from attx.plan.jobs import Work
from attx.plan.passes import FOREIGN, TERMS, passes
from attx.plan.saved import Saved

SIDE = 32
MACHINE = {"dtype": "float32", "precision": "full", "compile": False, "threads": 1, "batch_size": 8}
FEW = {"steps": 3, "attack_steps": 2, "copies": 4, "samples": 3, "classes": 2, "fractions": 2, "stages": 2, "side": 2}
SMOOTHGRAD = {"use": "smoothgrad", "copies": 3, "batch_size": 8}
RAW = {
    "data": {"sample": {"first": 8}},
    "models": {"resnet50": {}},
    "methods": {"smoothgrad": {}},
    "metrics": {"insertion_deletion": {}},
}


def entries(family):
    """Every entry of a family whose passes are known, with few of everything."""
    for use in registry.names(family):
        takes = registry.parameters(family, use)
        if use not in FOREIGN and registry.constant(family, use, "NEEDS") != "stores":
            yield {"use": use} | {key: FEW.get(key, 8) for key in (*FEW, "batch_size") if key in takes}


def specs():
    """What a plan counts of, of each kind."""
    yield from ({"method": entry} for entry in entries("attribution") if entry["use"] != "attexplore")
    for attack in entries("attacks"):
        yield {"attack": attack}
        yield {"method": attack | {"use": "attexplore", "attack": attack["use"]}}
    yield from ({"perturbation": entry} for entry in entries("perturbations"))
    for metric in entries("metrics"):
        if not pairs(metric["use"]):
            anew = {"method": SMOOTHGRAD, "postprocess": {}} if explains(metric["use"], "smoothgrad") else {}
            yield {"metric": metric} | anew


def identity(spec):
    return "-".join(str(spec[key].get("attack", spec[key]["use"])) for key in spec if key != "postprocess")


@pytest.mark.parametrize("spec", list(specs()), ids=identity)
def test_no_fewer_passes_are_guessed_than_counted_and_not_many_more(spec):
    counted = cost(spec, (SIDE, SIDE), MACHINE, "cpu", time=False)
    assert "error" not in counted
    guessed = passes(Work(next(iter(spec)), "", "", canonical(spec)), SIDE)
    for most, number in zip(guessed, (counted["forward"], counted["backward"]), strict=True):
        assert number <= most <= 6 * max(counted["forward"], 2)


def test_the_terms_are_of_entries_that_there_are():
    named = {name for family in ("attribution", "attacks", "metrics") for name in registry.names(family)}
    assert {*TERMS, *FOREIGN} <= named


def job(config, images=8, gpu=False, held=None):
    """What a job of its method asks for."""
    spec = slices.attribute(config, data="sample", model="resnet50", methods=list(config.methods))
    return resources.needed(config, held or Saved(), "attribute", spec, images, gpu)


def test_an_estimate_grows_with_what_the_job_does():
    small = job(Config.of(RAW))
    assert job(Config.of(RAW), images=80)["runtime"] > small["runtime"]
    assert job(Config.of(RAW | {"batch_size": 64}))["mem_mb"] > 1.5 * small["mem_mb"]
    assert job(Config.of(RAW | {"dtype": "float64"}))["mem_mb"] > 1.5 * small["mem_mb"]
    larger = Config.of(RAW | {"models": {"resnet50": {"size": 448}}})
    assert job(larger)["mem_mb"] > 2 * small["mem_mb"]
    assert job(Config.of(RAW), gpu=True)["runtime"] < small["runtime"]
    both = Config.of(RAW | {"methods": {"smoothgrad": {}, "integrated_gradients": {}}})
    assert job(both)["runtime"] > small["runtime"]
    assert [resources.attempted(small["mem_mb"], attempt) for attempt in (1, 2, 3)] == [
        factor * small["mem_mb"] for factor in (1, 2, 4)
    ]


@pytest.mark.parametrize(
    ("stage", "least", "most"), [("collect", 700, 1000), ("table", 1500, 2500), ("figure", 12e3, 2e4)]
)
def test_what_puts_scores_together_asks_for_what_it_holds_at_once(stage, least, most):
    found = resources.needed(Config.of(RAW), Saved(), stage, {}, 1_500_000, False)
    assert least < found["mem_mb"] <= most
    assert 30 < found["runtime"] < 70


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """A config, and the plan of its method as `attx plan` makes it, on a CPU."""
    monkeypatch.chdir(tmp_path)
    config = Config.of(RAW)
    measured = {"shape": [224, 224], "batch_size": 32, "device": "cpu", "given": False, "memory": 8e9}
    measured |= {"forward_seconds": 10.0, "backward_seconds": 30.0}
    spec = canonical({"method": config.method("smoothgrad")})
    row = {"kind": "method", "label": "smoothgrad", "model": "resnet50", "spec": spec, "images": 8}
    row |= {"forward": 8 * 50, "backward": 8 * 50, "own_seconds": 0.0}
    return config, {"models": {"resnet50": measured}, "rows": [row]}


def test_a_kept_plan_says_what_jobs_ask_for(planned):
    config, plan = planned
    saved.save(config, plan)
    found = job(config, held=saved.read(config))
    assert found["runtime"] == resources.START_MINUTES + resources.MARGIN * 8 * 50 * 30 / 60
    assert 8000 < found["mem_mb"] < 1.5 * 8000
    # a GPU's time is not known by a CPU's, but for a rate that was given
    assert job(config, gpu=True, held=saved.read(config))["runtime"] < found["runtime"] / 10
    plan["models"]["resnet50"] |= {"given": True}
    saved.save(config, plan)
    assert job(config, gpu=True, held=saved.read(config))["runtime"] == found["runtime"]


def test_a_plan_of_what_is_left_leaves_what_was_known_before(planned):
    config, plan = planned
    path = saved.save(config, plan)
    before = json.loads(path.read_text())
    saved.save(config, {"models": {}, "rows": []})
    assert json.loads(path.read_text()) == before


def test_a_plan_of_other_settings_does_not_hold(planned):
    config, plan = planned
    saved.save(config, plan)
    assert saved.read(Config.of(RAW | {"dtype": "float64"})) == Saved()
    other = Config.of(RAW | {"models": {"resnet50": {"size": 448}}})
    assert saved.read(other).models == {}


@pytest.mark.parametrize("damage", [lambda text: text[:-40], lambda text: "[]", lambda text: text.replace("rows", "x")])
def test_a_damaged_plan_is_named_with_the_remedy(planned, damage):
    config, plan = planned
    path = saved.save(config, plan)
    path.write_text(damage(path.read_text()))
    with pytest.raises(UserError, match=r"results/plan\.json: cannot be read as a plan: delete it, or run `attx plan"):
        saved.read(config)
