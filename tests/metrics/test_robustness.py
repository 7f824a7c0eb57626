"""The entries of robustness and stability across seeds: columns, means over pairs, what is refused."""

import numpy as np
import pytest
import torch

import attx
from attx import registry
from attx.errors import UserError
from attx.metrics.map_similarity import columns

MAPS = torch.randn(3, 2, 3, 9, 10, generator=torch.Generator().manual_seed(0))


def built(name: str, **settings: object):
    return registry.load("metrics", name).build(k=4, **settings)


def test_robustness_sums_channels_and_names_windows():
    found = built("robustness", windows=[3, 5])(MAPS[0], [MAPS[1]])
    assert list(found) == columns((3, 5))
    for window in (3, 5):
        alone = attx.map_similarity(MAPS[0].sum(1), MAPS[1].sum(1), 4, window)
        np.testing.assert_allclose(found[f"lens_recall_at_k_w{window}"], alone["lens_recall_at_k"])
        np.testing.assert_allclose(found[f"lens_kendall_w{window}"], alone["lens_kendall"])


def test_stability_is_the_mean_over_all_pairs():
    found = built("seed_stability", scores=["kendall", "top_k_div_w3"])(MAPS[0], list(MAPS[1:]))
    pairs = [built("robustness")(MAPS[i], [MAPS[j]]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert list(found) == ["kendall", "top_k_div_w3"]
    for name, values in found.items():
        np.testing.assert_allclose(values, np.mean([pair[name] for pair in pairs], 0))


@pytest.mark.parametrize("name", ["robustness", "seed_stability"])
def test_the_direction_of_every_column_is_known_without_importing(name):
    better = registry.constant("metrics", name, "BETTER")
    assert set(better) == set(columns((3, 5, 7)))
    assert {column for column, way in better.items() if way == "lower"} == {"center_of_mass_shift"}


def test_a_pool_that_runs_dry_is_no_matter_where_nothing_is_picked_from_it():
    settings = {"pool": 1}
    with pytest.raises(UserError, match=r"top-k-div of the maps: no 4 picks .* raise pool"):
        built("robustness", **settings)(MAPS[0], [MAPS[1]])
    built("robustness", scores=["ssim", "lens_recall_at_k_w3"], **settings)(MAPS[0], [MAPS[1]])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"scores": ["lens_recall_at_k_w5"]},
            "unknown score 'lens_recall_at_k_w5'; did you mean 'lens_recall_at_k_w3'",
        ),
        ({"windows": [3, 2]}, "window 2: give its side"),
        ({"pool": 0}, "pool 0"),
    ],
)
def test_mistakes_are_refused_before_anything_runs(settings, message):
    with pytest.raises(UserError, match=message):
        built("robustness", **settings)


def test_nothing_to_compare_with():
    with pytest.raises(UserError, match="another seed"):
        built("seed_stability")(MAPS[0], [])
