"""The adapter to Quantus: its numbers are Quantus' own, one image at a time, and nothing else is touched."""

import functools
import inspect
import random
import re
import sys
import warnings

import numpy as np
import pytest
import torch

from attx.attribution import smoothgrad
from attx.errors import UserError
from attx.metrics.quantus import BETTER, build
from tests.toy_models import SmallCNN

quantus = pytest.importorskip("quantus")
IDS = ["a", "b"]
IMAGES = torch.rand((2, 3, 16, 16), generator=torch.Generator().manual_seed(4))
TARGETS = {"explained": torch.tensor([3, 1])}
METHOD = smoothgrad.build(copies=2)


def explain(*given):
    return METHOD(*given).detach()


@functools.cache
def setting(dtype=torch.float32):
    """A model, images and the maps that `explain` gives of them."""
    model, images = SmallCNN(6).to(dtype).eval(), IMAGES.to(dtype)
    return model, images, explain(model, images, TARGETS["explained"], IDS)


def scored(name, part=slice(None), dtype=torch.float32, softmax=None, seed=3407, **arguments):
    model, images, maps = setting(dtype)
    score = build(name=name, arguments=arguments, softmax=softmax, seed=seed)
    targets = {"explained": TARGETS["explained"][part]}
    return score(model, images[part], maps[part], targets, image_ids=IDS[part], explain=explain)


def test_names_and_directions_are_those_of_quantus():
    kinds = {**{name: kind for name, kind in vars(quantus).items() if hasattr(kind, "score_direction")}}
    groups = quantus.AVAILABLE_METRICS
    left_out = {"Sufficiency", "Consistency", "SensitivityN", "IROF", "ROAD"}
    left_out |= {kind.__name__ for kind in groups["Localisation"].values()}
    every = {kind.__name__ for group in groups.values() for kind in group.values()}
    assert set(BETTER) == every - left_out
    assert {name: kinds[name].score_direction.value for name in BETTER} == BETTER


def test_numbers_are_quantus_own():
    model, images, maps = setting()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metric = quantus.PixelFlipping(features_in_step=64, abs=False, normalise=False, disable_warnings=True)
        given = [x.numpy().copy() for x in (images, TARGETS["explained"], maps)]
        expected = metric(model, *given, channel_first=True, device="cpu")
    found = scored("PixelFlipping", features_in_step=64)
    np.testing.assert_allclose(found["PixelFlipping_curve"], expected, rtol=1e-4)
    np.testing.assert_allclose(found["PixelFlipping"], np.mean(expected, 1), rtol=1e-4)
    assert not np.allclose(
        scored("PixelFlipping", softmax=False, features_in_step=64)["PixelFlipping"], np.mean(expected, 1)
    )


@pytest.mark.parametrize("name", BETTER)
def test_every_metric_scores_absolute_maps_of_one_channel(name):
    model, images, maps = setting()
    small = {
        "nr_samples": 3,
        "nr_runs": 3,
        "num_classes": 6,
        "subset_size": 64,
        "features_in_step": 64,
        "patch_size": 8,
    }
    small |= {"features_in_step": 1} if name == "NonSensitivity" else {}  # fails on more in Quantus 0.6
    known = inspect.signature(getattr(quantus, name)).parameters
    found = build(name=name, arguments={key: small[key] for key in small.keys() & known})(
        model,
        images,
        maps.abs().sum(1, keepdim=True),
        TARGETS,
        image_ids=IDS,
        explain=lambda *given: explain(*given).abs().sum(1, keepdim=True),
    )
    assert found[name].shape == (2,)
    assert all(np.isfinite(values).all() for values in found.values())


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("FaithfulnessCorrelation", {"nr_runs": 5, "subset_size": 64, "similarity_func": "correlation_spearman"}),
        ("MaxSensitivity", {"nr_samples": 2}),
        ("MPRT", {"similarity_func": "correlation_pearson"}),
        ("RandomLogit", {"num_classes": 6}),
    ],
)
def test_draws_are_by_seed_and_image_and_leave_no_trace(name, arguments, capfd):
    setting()
    before = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = scored(name, **arguments)
    assert capfd.readouterr() == ("", "")
    assert random.getstate() == before[0]
    assert (np.random.get_state()[1] == before[1]).all()
    assert torch.equal(torch.get_rng_state(), before[2])
    alone = scored(name, slice(1, 2), **arguments)
    assert whole[name].shape == (2,)
    for column, values in whole.items():
        np.testing.assert_array_equal(alone[column][0], values[1])


def test_another_seed_draws_otherwise():
    settings = {"nr_runs": 5, "subset_size": 64}
    first, second = (scored("FaithfulnessCorrelation", seed=seed, **settings) for seed in (1, 2))
    assert (first["FaithfulnessCorrelation"] != second["FaithfulnessCorrelation"]).all()


def test_a_model_in_double_precision():
    single, double = (scored("MaxSensitivity", dtype=d, nr_samples=2) for d in (torch.float32, torch.float64))
    np.testing.assert_allclose(single["MaxSensitivity"], double["MaxSensitivity"], rtol=1e-3)


def test_maps_are_used_as_they_are_unless_asked_otherwise():
    assert (scored("Sparseness", abs=True)["Sparseness"] > 0).all()
    with pytest.raises(UserError, match=re.escape("Quantus' Complexity gave [nan]: it may ask for other maps")):
        scored("Complexity")


def test_what_quantus_refuses_is_said():
    model, images, maps = setting()
    with pytest.raises(UserError, match=r"Quantus' Selectivity: AssertionError: .*all equal to zero"):
        build(name="Selectivity")(model, images, 0 * maps, TARGETS, image_ids=IDS, explain=None)
    with pytest.raises(UserError, match="explains images anew"):
        build(name="MaxSensitivity")(model, images, maps, TARGETS, image_ids=IDS, explain=None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "FaithfulnesCorrelation"}, "did you mean 'FaithfulnessCorrelation'"),
        ({"name": "PixelFlipping", "arguments": {"feature_in_step": 3}}, "did you mean 'features_in_step'"),
        ({"name": "MPRT", "arguments": {"similarity_func": "correlation_spearmen"}}, "did you mean 'correlation_sp"),
        ({"name": "MPRT", "arguments": {"layer_order": "sideways"}}, "arguments of Quantus' MPRT: "),
    ],
)
def test_wrong_settings_are_refused_before_any_work(settings, message):
    with pytest.raises(UserError, match=message):
        build(**settings)


def test_without_quantus_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "quantus", None)
    with pytest.raises(UserError, match=r"pip install 'attx\[quantus\]'"):
        build(name="Sparseness")
