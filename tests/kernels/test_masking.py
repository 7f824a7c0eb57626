"""Half-shown images against indexing written out, to the bit."""

import pytest
import torch
from attx_kernels.masking import mixer
from hypothesis import given, settings
from hypothesis import strategies as st

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


def plain(images, covers, ranks, image, threshold, inserting):
    """The definition, a row at a time."""
    rows = zip(image, threshold, inserting, strict=True)
    return torch.stack([torch.where((ranks[i] < k) == shown, images[i], covers[i]) for i, k, shown in rows])


def mixed(images, covers, ranks, image, threshold, inserting, start=0, stop=None):
    stop = len(image) if stop is None else stop
    return mixer(images, covers, ranks, image, threshold, inserting)(start, stop)


def case(shape, dtype, each=False, last=False, seed=0):
    draw = torch.Generator().manual_seed(seed)
    images, covers = torch.randn(2, *shape, generator=draw, dtype=torch.float64).to(dtype)
    ranks = torch.randint(0, shape[2] * shape[3], (len(images), shape[1] if each else 1, *shape[2:]), generator=draw)
    if last:
        images = images.contiguous(memory_format=torch.channels_last)
    return images, covers, ranks.int()


@settings(max_examples=30)
@given(
    images=st.integers(1, 3),
    channels=st.sampled_from([1, 3, 4]),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    each=st.booleans(),
    last=st.booleans(),
    dtype=st.sampled_from(DTYPES),
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2000), st.booleans()), min_size=1, max_size=6),
    cut=st.integers(0, 5),
)
def test_equals_its_definition(both_ways, images, channels, height, width, each, last, dtype, rows, cut):
    sources = case((images, channels, height, width), dtype, each, last)
    plan = [list(x) for x in zip(*((i % images, k, shown) for i, k, shown in rows), strict=True)]
    start = min(cut, len(rows) - 1)
    expected = plain(*sources, *plan)[start:]
    for found in both_ways(mixed, *sources, *plan, start=start):
        assert found.dtype == dtype
        assert torch.equal(found, expected)


@pytest.mark.parametrize("last", [False, True])
def test_rows_are_laid_out_as_the_images(both_ways, last):
    images, covers, ranks = case((2, 3, 5, 7), torch.float32, last=last)
    layout = torch.channels_last if last else torch.contiguous_format
    for found in both_ways(mixed, images, covers[:, :, :1, :1], ranks, [0, 1, 1], [3, 3, 9], [True, False, True]):
        assert found.is_contiguous(memory_format=layout)


def test_thresholds_beyond_all_ranks_show_or_cover_everything(both_ways):
    images, covers, ranks = case((1, 3, 4, 4), torch.float32)
    images[0, 0, 0, 0], covers[0, 0, 0, 1] = torch.nan, torch.inf  # are carried, not computed with
    for found in both_ways(mixed, images, covers, ranks, [0, 0, 0], [2**40, 0, 2**40], [True, True, False]):
        expected = torch.cat([images, covers, covers])
        assert torch.equal(found.view(torch.int32), expected.view(torch.int32))
