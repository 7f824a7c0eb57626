"""A leaderboard is made of each metric once, and told what the config knows: directions of scores, and controls."""

import pytest

from attx import slices, sources
from attx.config import Config
from attx.errors import UserError

METHODS = {"attexplore": {}, "noise": {"use": "random"}, "random": {"use": "smoothgrad"}}


def config(**changes) -> Config:
    metrics = {"areas": {"use": "insertion_deletion"}, "seeds": {"use": "seed_stability"}}
    entries = {"data": {"sample": {}}, "models": {"resnet50": {}}, "methods": METHODS, "metrics": metrics}
    return Config.of(entries | {"figures": {"leaderboard": {}}} | changes)


def told(entry: dict) -> list[dict]:
    """What the figure and its table are told."""
    found = config(figures={"leaderboard": entry})
    jobs = (slices.figure(found, data="sample", figure="leaderboard"), slices.figure_table(found, figure="leaderboard"))
    return [job["figure"] for job in jobs]


def test_a_metric_named_twice_is_there_once():
    found = config(figures={"leaderboard": {"metrics": ["seeds", "areas", "seeds"]}})
    gathered = sources.gather(found, data="sample", figure="leaderboard", shards={})
    assert gathered["metrics"] == gathered["parts"][0]["metric"] == ["seeds", "areas"]


def test_without_a_metric_there_is_none():
    with pytest.raises(UserError, match=r"figures\.leaderboard: it is drawn from metrics or methods, and the config"):
        config(metrics={})


@pytest.mark.parametrize("better", [None, {"insertion_auc": "lower", "own": "higher"}])
def test_directions_of_the_entry_come_first_and_replace_no_others(better):
    figure, table = told({"better": better} if better else {})
    assert figure["better"] == table["better"]
    assert figure["better"]["deletion_auc"] == "lower"
    assert figure["better"]["insertion_auc"] == (better or {}).get("insertion_auc", "higher")
    assert figure["better"].get("own") == (better or {}).get("own")


@pytest.mark.parametrize(
    ("entry", "controls"), [({}, ["noise"]), ({"controls": []}, []), ({"controls": None}, ["noise"])]
)
def test_controls_are_told_by_their_files_unless_the_entry_names_them(entry, controls):
    assert [job["controls"] for job in told(entry)] == [controls, controls]


def test_controls_are_methods_of_the_config():
    with pytest.raises(UserError, match=r"leaderboard\.controls: unknown method 'nois'; did you mean 'noise'"):
        config(figures={"leaderboard": {"controls": ["nois"]}})
