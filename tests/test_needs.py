"""What metrics need is known, and refused where it is lacking, before anything runs."""

import pytest

from attx import needs, roots, slices, sources
from attx.config import Config
from attx.errors import UserError
from attx.stages.score import handing
from tests.test_config import MINIMAL

LABELS = {"data": "sample", "model": "resnet50", "postprocess": "signed"}


def config(**changes):
    return Config.of(MINIMAL | changes)


def test_only_a_metric_that_explains_gets_the_method():
    metrics = {"insertion_deletion": {}, "sensitivity_max": {}, "q": {"use": "quantus", "name": "MPRT"}}
    methods = {"attexplore": {"attack": "mi"}, "smoothgrad": {}}
    found = config(metrics=metrics, methods=methods, seed=5)
    spec = slices.score(found, metric="sensitivity_max", method="attexplore", **LABELS)
    assert spec["metric"] == {"use": "sensitivity_max", "seed": 5}
    assert spec["method"] == found.method("attexplore")
    assert {"attx.attribution.attexplore", "attx.attacks.mi"} <= set(roots.roots("score", spec))
    assert slices.score(found, metric="q", method="smoothgrad", **LABELS)["method"]["use"] == "smoothgrad"
    assert "method" not in slices.score(found, metric="insertion_deletion", method="smoothgrad", **LABELS)


def test_tables_know_what_is_better():
    metrics = {"sensitivity_max": {}, "q": {"use": "quantus", "name": "MPRT"}}
    found = config(metrics=metrics)
    assert slices.table(found, metric="sensitivity_max")["better"] == {"sensitivity_max": "lower"}
    assert slices.table(found, metric="q")["better"]["MPRT"] == "lower"


@pytest.mark.parametrize(
    ("quantus", "message"),
    [
        ({"name": "FaithfulnesCorrelation"}, "metrics.q.name: .*'FaithfulnesCorrelation'; did you mean 'FaithfulnessC"),
        ({}, "metrics.q: quantus needs the key name"),
    ],
)
def test_names_of_quantus_are_checked(quantus, message):
    with pytest.raises(UserError, match=message):
        config(metrics={"q": {"use": "quantus"} | quantus})


def test_a_package_that_is_an_extra_may_be_missing(monkeypatch):
    monkeypatch.setattr(needs, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"metrics\.q: quantus needs .*: pip install 'attx\[quantus\]'"):
        config(metrics={"q": {"use": "quantus", "name": "MPRT"}})
    config(metrics={"sensitivity_max": {}})


def test_what_is_made_of_stored_maps_cannot_be_explained_anew():
    methods = {"attexplore": {}, "smoothgrad": {}, "both": {"use": "attens", "of": ["attexplore", "smoothgrad"]}}
    with pytest.raises(UserError, match=r"metrics\.sensitivity_max: .* which both cannot"):
        config(metrics={"sensitivity_max": {}}, methods=methods)
    config(metrics={"sensitivity_max": {"methods": ["smoothgrad"]}}, methods=methods)
    found = config(metrics={"q": {"use": "quantus", "name": "Sparseness"}}, methods=methods)
    assert "method" not in slices.score(found, metric="q", method="both", **LABELS)
    assert "method" in slices.score(found, metric="q", method="smoothgrad", **LABELS)


def test_a_metric_may_score_some_methods_alone():
    metrics = {"all": {"use": "insertion_deletion"}, "some": {"use": "sensitivity_max", "methods": ["smoothgrad"]}}
    found = config(metrics=metrics, methods={"attexplore": {}, "smoothgrad": {}})
    parts = {
        metric: sources.collect(found, data="sample", metric=metric, shards={"sample": ["s0000"]})["parts"][0]
        for metric in metrics
    }
    assert parts["all"]["method"] == ["attexplore", "smoothgrad"]
    assert parts["some"]["method"] == ["smoothgrad"]
    assert parts["some"]["model"] == ["resnet50"]
    assert found.metric("some") == {"use": "sensitivity_max", "seed": 3407}
    with pytest.raises(UserError, match=r"metrics\.some\.methods: .*did you mean 'smoothgrad'"):
        config(metrics={"some": {"use": "sensitivity_max", "methods": ["smoothgrads"]}}, methods={"smoothgrad": {}})


def test_maps_of_another_model_are_not_explained_anew():
    changes = {"models": {"resnet50": {}, "vgg16": {}}, "figures": {"cross_model": {}}}
    with pytest.raises(UserError, match=r"figures\.cross_model\.metric: sensitivity_max explains images anew"):
        config(metrics={"sensitivity_max": {}}, **changes)
    found = config(metrics={"q": {"use": "quantus", "name": "Sparseness"}}, **changes)
    crossed = slices.score(found, metric="q", method="attexplore", source="vgg16", **LABELS)
    assert "method" not in crossed
    with pytest.raises(UserError, match="no maps of another model"):
        handing(crossed | {"metric": {"use": "sensitivity_max"}})
