"""The figure of model randomisation shows the curves of the metric, where they can be read."""

import numpy as np
import pytest

from attx.errors import UserError
from attx.figures import randomisation, style
from tests.figures import helpers


def scores(**kind):
    found = helpers.scores(**kind)
    draw = np.random.default_rng(2)
    for column in randomisation.KINDS:
        found[column] = [np.append(1, draw.uniform(-0.2, 0.6, 5)) for _ in range(len(found))]
    return found


WIDE = {"models": ("efficientnet_lite0", "vit_b_16", "maxvit_t"), "readings": ("signed", "absolute_blur4")}


@pytest.mark.parametrize("kind", [{}, WIDE, {"images": 1, "methods": ("attexplore",)}], ids=["one", "many", "least"])
def test_readable(kind):
    helpers.assert_readable(randomisation.draw(scores(**kind)))


def test_lines_are_means_over_the_images():
    table = scores()
    figure = randomisation.draw(table, methods=["attexplore", "edges"])
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        "efficientnet_lite0: values",
        "efficientnet_lite0: absolute values",
    ]
    colour = style.looks(["attexplore"])["attexplore"].colour
    for axis, column in zip(figure.axes, randomisation.KINDS, strict=True):
        (line,) = [line for line in axis.lines if line.get_color() == colour]
        expected = np.stack(table[table["method"] == "attexplore"][column]).mean(0)
        np.testing.assert_allclose(line.get_ydata(), expected)
        np.testing.assert_allclose(line.get_xdata(), np.arange(6) / 5)
        assert len(axis.collections) == 2
    assert not randomisation.draw(table, bands=False).axes[0].collections


def test_scores_of_another_metric_are_refused():
    with pytest.raises(UserError, match="similarity_curve"):
        randomisation.draw(helpers.scores())
