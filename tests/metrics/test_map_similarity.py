"""LENS and the rest against their definitions by sets and loops, with ties, and against the published scripts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

import attx
from attx.errors import UserError
from attx.metrics.map_similarity import PLAIN, WINDOWED, columns, over_pairs
from benchmarks import published_lens
from benchmarks.published_lens import similarity

SHAPES = st.tuples(st.integers(1, 3), st.integers(2, 9), st.integers(2, 9))
LENS = ["lens_recall_at_k", "lens_precision_at_k", "top_k_div", "top_k_div_lens_recall", "top_k_div_lens_precision"]
TRUE = {"wrap": False, "drop_first": False, "skip_second": False}


def largest(values: np.ndarray, k: int | None) -> list[tuple[int, int]]:
    return sorted(np.ndindex(values.shape), key=lambda pixel: (-values[pixel], pixel))[:k]


def close(one: tuple[int, int], other: tuple[int, int], window: int) -> bool:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= window // 2


def picked(values: np.ndarray, window: int, pool: int | None) -> list[tuple[int, int]]:
    picks: list[tuple[int, int]] = []
    for pixel in largest(values, pool):
        if not any(close(pixel, pick, window) for pick in picks):
            picks.append(pixel)
    return picks


def averages(values: np.ndarray, window: int) -> np.ndarray:
    pixels = list(np.ndindex(values.shape))
    means = [np.mean([values[other] for other in pixels if close(pixel, other, window)]) for pixel in pixels]
    return np.round(means, 12)  # windows of the same values in another order are ties


def by_definition(a: np.ndarray, b: np.ndarray, k: int, window: int, pool: int | None) -> dict[str, float]:
    def shares(one: list, other: list) -> list[float]:
        recall = sum(any(close(p, q, window) for p in one) for q in other)
        precision = sum(any(close(p, q, window) for q in other) for p in one)
        return [len(set(one) & set(other)) / k, recall / k, precision / k]

    names = ["top_k_intersection", *LENS]
    values = shares(largest(a, k), largest(b, k)) + shares(picked(a, window, pool)[:k], picked(b, window, pool)[:k])
    found = dict(zip(names, values, strict=True))
    for prefix, (one, other) in {
        "": (a.ravel(), b.ravel()),
        "lens_": (averages(a, window), averages(b, window)),
    }.items():
        usable = len(set(one)) > 1 and len(set(other)) > 1
        found[f"{prefix}spearman"] = spearmanr(one, other).statistic if usable else float((one == other).all())
        found[f"{prefix}kendall"] = kendalltau(one, other).statistic if usable else float((one == other).all())
    return found


@given(SHAPES, st.sampled_from([1, 3, 5, 9]), st.sampled_from([2, 5, 10**6]), st.booleans(), st.booleans(), st.data())
def test_by_definition_with_ties(shape, window, values, torch_in, pooled, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    a, b = rng.integers(-values, values, (2, *shape)).astype(data.draw(st.sampled_from([np.float32, np.float64, int])))
    pool = data.draw(st.integers(1, a[0].size)) if pooled else None
    most = min(len(picked(x, window, pool)) for x in (*a, *b))
    k = data.draw(st.integers(1, most))
    found = attx.map_similarity(*((torch.tensor(a), torch.tensor(b)) if torch_in else (a, b)), k, window, pool)
    assert set(found) == {*PLAIN, *WINDOWED}
    for i in range(len(a)):
        for name, value in by_definition(a[i], b[i], k, window, pool).items():
            assert found[name].dtype == np.float64
            assert found[name][i] == pytest.approx(value, abs=1e-12), name


def permuted(shape: tuple, seed: int, border: int = 0) -> np.ndarray:
    """Values without ties, the largest `border` pixels away from the borders."""
    values = np.random.default_rng(seed).permutation(np.prod(shape)).reshape(shape).astype(float)
    inner = np.full(shape, -values.size)
    inner[border : shape[0] - border, border : shape[1] - border] = 0
    return values + inner


@pytest.mark.parametrize("window", [3, 5, 7])
def test_the_published_scripts_way_without_its_quirks(window):
    a, b = permuted((17, 23), 0), permuted((17, 23), 1)
    found = attx.map_similarity(a[None], b[None], k=8, window=window, pool=300)
    for name, value in similarity(a, b, k=8, window=window, pool=300, **TRUE).items():
        assert found[name][0] == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize("window", [3, 5, 7])
def test_the_published_scripts_windows_are_ours_away_from_borders(window):
    a, b = (permuted((24, 31), seed, border=window // 2) for seed in (0, 1))
    found = attx.map_similarity(a[None], b[None], k=6, window=window, pool=200)
    for name, value in similarity(a, b, k=6, window=window, pool=200, skip_second=False).items():
        assert found[name][0] == pytest.approx(value, abs=1e-12), name


def test_where_the_published_scripts_differ():
    a, b = np.zeros((2, 5, 6))
    a[2, 5], b[3, 0] = 1, 1  # flat neighbours at opposite ends of rows
    assert similarity(a, b, k=1, window=3)["lens_recall_at_k"] == 1
    assert attx.map_similarity(a[None], b[None], k=1)["lens_recall_at_k"] == [0]
    a, b = np.zeros((2, 5, 6))
    a[0, 0], b[1, 1] = 1, 1  # pixel 0 is in no window
    assert similarity(a, b, k=1, window=3)["lens_precision_at_k"] == 0
    assert attx.map_similarity(a[None], b[None], k=1)["lens_precision_at_k"] == [1]
    a = np.zeros((7, 7))
    a[1, 1], a[1, 5], a[5, 1], a[5, 5] = 4, 3, 2, 1  # the second pick is skipped
    reading = {"window": 3, "width": 7, "size": 49, "wrap": False, "drop_first": False}
    order = np.argsort(-a.ravel(), kind="stable")
    assert published_lens.apart(order, 3, skip_second=True, **reading).tolist() == [8, 36, 40]
    assert published_lens.apart(order, 3, skip_second=False, **reading).tolist() == [8, 12, 36]


def test_several_batches_give_the_mean_over_their_pairs_and_windows_are_as_alone():
    maps = torch.randn(3, 2, 11, 13, generator=torch.Generator().manual_seed(0))
    names = columns((3, 5))
    found = over_pairs({"a": maps[0], "b": maps[1], "c": maps[2]}, names, k=5, windows=(3, 5), pool=None)
    for window in (3, 5):
        pairs = [attx.map_similarity(maps[i], maps[j], 5, window) for i, j in ((0, 1), (0, 2), (1, 2))]
        for name in pairs[0]:
            column = name if name in PLAIN else f"{name}_w{window}"
            np.testing.assert_allclose(found[column], np.mean([pair[name] for pair in pairs], 0), atol=1e-14)


def test_chunks_and_threads_change_nothing(monkeypatch):
    a, b = torch.randn(2, 5, 9, 9, generator=torch.Generator().manual_seed(0))
    whole = attx.map_similarity(a, b, 4)
    monkeypatch.setattr("attx.metrics.map_similarity.CHUNK", 81)
    threads = torch.get_num_threads()
    for number in (1, 3):
        torch.set_num_threads(number)
        try:
            found = attx.map_similarity(a, b, 4)
            assert torch.get_num_threads() == number
        finally:
            torch.set_num_threads(threads)
        for name, values in found.items():
            np.testing.assert_allclose(values, whole[name], atol=1e-14)
    assert all(values.shape == (0,) for values in attx.map_similarity(a[:0], b[:0], 4).values())


def test_equal_maps_are_most_alike():
    maps = torch.randn(2, 12, 12, generator=torch.Generator().manual_seed(0)).half()
    for name, values in attx.map_similarity(maps, maps.numpy(), 7).items():
        assert values.tolist() == [0, 0] if name == "center_of_mass_shift" else [1, 1], name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b": torch.zeros(2, 5, 4)}, r"a of shape \(2, 4, 5\), b of shape \(2, 5, 4\): give maps of the same shape"),
        ({"a": torch.zeros(4, 5)}, r"a of shape \(4, 5\): give real maps \(N, H, W\)"),
        (
            {"b": torch.tensor([0, float("nan")])[:, None, None].expand(2, 4, 5)},
            r"b: maps \[1\] .* are NaN or infinite",
        ),
        ({"k": 21}, "k 21: the maps have 20 pixels"),
        ({"k": 0}, "k 0: give a number of pixels"),
        ({"k": True}, "k True: give"),
        ({"pool": 0}, "pool 0: give a number of pixels"),
        ({"window": 4}, "window 4: give its side in pixels, an odd number"),
        ({"k": 5, "window": 5}, r"top-k-div of a: no 5 picks .* 2 of 2 maps .* lower k or window"),
    ],
)
def test_mistakes(change, message):
    a, b = torch.randn(2, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    with pytest.raises(UserError, match=message):
        attx.map_similarity(**({"a": a, "b": b, "k": 2} | change))


def test_a_map_that_runs_dry_is_named_by_its_place_in_the_whole(monkeypatch):
    monkeypatch.setattr("attx.metrics.map_similarity.CHUNK", 1)
    maps = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0))
    maps[2, :3, :3] += 90
    maps[2, 1, 1] += 9
    dry = r"of b: no 2 picks .* \(1 in map 2, counted from 0\) from the largest 9 of 64 pixels.* raise pool"
    with pytest.raises(UserError, match=dry):
        attx.map_similarity(maps[[0, 0, 0]], maps[[0, 0, 2]], k=2, pool=9)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_finds_the_same():
    a, b = (torch.randn(2, 3, 40, 33, generator=torch.Generator().manual_seed(0)) * 9).round()
    here, there = attx.map_similarity(a, b, 12), attx.map_similarity(a.cuda(), b.cuda(), 12)
    for name, values in here.items():
        np.testing.assert_allclose(there[name], values, atol=1e-12)
