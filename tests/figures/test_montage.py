"""The montage puts each map where it belongs, in colours that compare places and not sizes."""

import numpy as np
import pytest

from attx.errors import UserError
from attx.figures import montage, style
from attx.figures.gallery import Gallery
from tests.figures import helpers

METHODS = ("attexplore", "integrated_gradients", "a_method_with_a_long_name", "random")


def gallery(models=("efficientnet_lite0",), titles=True):
    draw = np.random.default_rng(0)
    images = {(m, f"image{k}"): draw.random((20, 30, 3)) for m in models for k in range(3)}
    maps = {(m, f): {f"image{k}": draw.normal(size=(20, 30)) for k in range(3)} for m in models for f in METHODS}
    long = "Chesapeake Bay retriever, a dog of many words that do not fit into the margin of a figure"
    names = {(m, f"image{k}"): f"{name}{m[-1]}" for m in models for k, name in enumerate(["tabby ", "class ", long])}
    return Gallery(images, maps, names if titles else {})


@pytest.mark.parametrize("models", [("efficientnet_lite0",), ("resnet50", "vit_base_patch16_224.augreg_in21k")])
def test_readable(models, tmp_path):
    figure = montage.draw(gallery(models))
    style.save(figure, tmp_path / "a.pdf", tmp_path / "a.png", note="demonstration: small settings")
    helpers.assert_readable(figure)


def test_maps_stand_in_the_row_of_their_image_and_the_column_of_their_method():
    models = ("resnet50", "vgg16")
    given = gallery(models)
    figure = montage.draw(given, percentile=100)
    cells = np.array(figure.axes[:-1]).reshape(6, 5)
    columns = list(style.looks(METHODS))
    for r, (model, image_id) in enumerate(given.images):
        np.testing.assert_array_equal(cells[r, 0].images[0].get_array(), given.images[model, image_id])
        assert cells[r, 0].texts[0].get_text()[:7] == given.titles[model, image_id][:7]
        for c, method in enumerate(columns, start=1):
            values = given.maps[model, method][image_id]
            shown = cells[r, c].images[0]
            np.testing.assert_allclose(shown.get_array(), values / np.abs(values).max())
            assert shown.get_clim() == (-1, 1)
    assert [axis.get_title() for axis in cells[0, :2]] == ["resnet50", "attexplore"]
    assert cells[3, 0].get_title() == "vgg16"
    assert cells[1, 0].get_title() == ""
    assert cells[0, 3].get_title() == "a_method_\nwith_a_\nlong_name"


def test_colours_reach_to_the_percentile():
    given = gallery()
    ramp = np.arange(-200.0, 400.0).reshape(20, 30)
    given.maps["efficientnet_lite0", "attexplore"]["image0"] = ramp
    shown = montage.draw(given, percentile=95).axes[1].images[0].get_array()
    np.testing.assert_allclose(shown, ramp / np.percentile(np.abs(ramp), 95))


def test_empty_and_missing_maps():
    given = gallery(titles=False)
    sparse = np.zeros((20, 30))
    sparse[0, 0] = 4.0
    given.maps["efficientnet_lite0", "attexplore"] = {"image0": np.zeros((20, 30)), "image1": sparse}
    figure = montage.draw(given)
    cells = np.array(figure.axes[:15]).reshape(3, 5)
    assert not cells[0, 1].images[0].get_array().any()
    assert cells[1, 1].images[0].get_array().max() == 1  # its 99th percentile is 0
    assert not cells[2, 1].images
    assert cells[0, 0].texts[0].get_text() == "image0"
    with pytest.raises(UserError, match="no maps"):
        montage.draw(Gallery({}, {}, {}))


def test_maps_without_a_sign_have_colours_of_their_own(tmp_path):
    given = gallery()
    given.maps["efficientnet_lite0", "random"] = {f"image{k}": np.full((20, 30), k / 4) for k in range(3)}
    figure = montage.draw(given)
    cells = np.array(figure.axes[:-2]).reshape(3, 5)
    assert [cells[2, c].images[0].get_clim() for c in range(1, 5)] == [(-1, 1)] * 3 + [(0, 1)]
    assert [axis.get_xlabel()[:24] for axis in figure.axes[-2:]] == [
        "Blue to red: maps with a",
        "White to purple: maps wi",
    ]
    style.save(figure, tmp_path / "a.pdf", tmp_path / "a.png", note="demonstration: small settings")
    helpers.assert_readable(figure)


def test_two_narrow_scales_are_readable(tmp_path):
    given = gallery()
    signed = next(key for key in given.maps if key[0] == "efficientnet_lite0")
    unsigned = {f"image{k}": np.full((20, 30), k / 4) for k in range(3)}
    figure = montage.draw(
        Gallery(given.images, {signed: given.maps[signed], ("efficientnet_lite0", "random"): unsigned}, given.titles)
    )
    style.save(figure, tmp_path / "a.pdf", tmp_path / "a.png", note="demonstration: small settings")
    helpers.assert_readable(figure)
