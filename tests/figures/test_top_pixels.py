"""The picture of the largest pixels tells those that stay from those that stay near, and from the others."""

import numpy as np
import pytest
import torch
from attx_kernels.windows import dilate
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from attx.errors import UserError
from attx.figures import style, top_pixels
from attx.figures.pixels import Pixels
from tests.figures import helpers, robust_sources


@pytest.mark.parametrize(
    "pixels",
    [
        robust_sources.pixels(),
        robust_sources.pixels(
            224, 1000, (("a_long_label_of_an_attack", 8 / 255),), models=("net", "another_net.of_21k")
        ),
        robust_sources.pixels(8, 10, ()),
    ],
    ids=["two attacks", "large", "clean"],
)
def test_readable(pixels, tmp_path):
    figure = top_pixels.draw(pixels, k=1000)
    if pixels[0].image.shape[0] < 224:  # else it is slow
        style.save(figure, tmp_path / "a.pdf", tmp_path / "a.png", note="demonstration: small settings")
    helpers.assert_readable(figure)


def mask(*places):
    found = np.zeros((7, 9), bool)
    found[tuple(np.transpose(places))] = True
    return found


def test_colours_and_shares_are_those_of_the_definition():
    clean, moved = mask((0, 8), (3, 3), (5, 1)), mask((0, 8), (4, 4), (1, 0))
    image = np.zeros((7, 9, 3))
    before = Pixels("net", "ig", "i0", "tabby", "", 0.0, image, clean, moved)
    after = Pixels("net", "ig", "i0", "tabby", "topk", 8 / 255, image, moved, moved)
    figure = top_pixels.draw([after, before], k=3)  # the clean image is first, however they come
    titles = ["clean\ntop 3", "clean\ntop 3, diverse", "topk, 8/255\ntop 3", "topk, 8/255\ntop 3, diverse"]
    assert [axis.get_title() for axis in figure.axes] == titles
    shown = figure.axes[2].images[0].get_array()
    np.testing.assert_allclose(shown[0, 8], to_rgb(top_pixels.SAME))
    np.testing.assert_allclose(shown[4, 4], to_rgb(top_pixels.NEAR))
    np.testing.assert_allclose(shown[1, 0], to_rgb(top_pixels.AWAY))  # (0, 8) is beside it only where rows wrap
    np.testing.assert_allclose(shown[3, 3], [0.65] * 3)
    texts = [[text.get_text() for text in axis.texts] for axis in figure.axes]
    assert texts == [["tabby\nig"], [], ["33% same, 67% near"], ["100% same, 100% near"]]
    assert (figure.axes[0].images[0].get_array()[clean] == to_rgb(top_pixels.SAME)).all()


@given(st.integers(0, 2**32), st.sampled_from([1, 3, 5]))
def test_neighbourhoods_are_those_of_the_metrics(seed, window):
    found = np.random.default_rng(seed).random((6, 8)) < 0.1
    np.testing.assert_array_equal(top_pixels.widened(found, window), dilate(torch.tensor(found)[None], window)[0])


def test_a_map_that_is_missing_leaves_its_place_empty():
    first, *others = robust_sources.pixels(attacks=(("random_sign", 0.1), ("topk", 0.1)))
    figure = top_pixels.draw([first, *others[1:]])
    grid = np.array(figure.axes).reshape(4, 6)
    assert [bool(axis.images) for axis in grid[0]] == [True, True, True, True, False, False]


def test_what_can_not_be_drawn_is_said():
    pixels = robust_sources.pixels()
    with pytest.raises(UserError, match="no pixels"):
        top_pixels.draw([])
    with pytest.raises(UserError, match="window 2: give an odd side"):
        top_pixels.draw(pixels, window=2)
    with pytest.raises(UserError, match="clean image to compare with, of digits_nat, i0, saliency_gradient"):
        top_pixels.draw(pixels[1:])
