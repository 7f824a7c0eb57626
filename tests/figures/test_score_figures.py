"""Curves, bars and cost show the numbers of the table, where they can be read."""

import numpy as np
import pytest

from attx import statistics
from attx.errors import UserError
from attx.figures import bars, cost, curves, style
from attx.tables import summarise
from tests.figures import helpers

WIDE = {"models": ("efficientnet_lite0", "vit_b_16"), "readings": ("signed", "absolute_blur4")}
ONE = helpers.scores()
MANY = helpers.scores(**WIDE)


@pytest.mark.parametrize("figure", [curves, bars, cost])
@pytest.mark.parametrize(
    "scores", [ONE, MANY, helpers.scores(images=1, methods=("attexplore",))], ids=["one", "many", "least"]
)
def test_readable(figure, scores):
    helpers.assert_readable(figure.draw(scores))


@pytest.mark.parametrize("figure", [curves, bars, cost])
def test_the_title_says_which_intervals_there_are(monkeypatch, figure):
    images = ONE["image_id"].nunique()
    for many, said in ((images, "95% bootstrap interval"), (images - 1, "95% normal interval")):
        monkeypatch.setattr(statistics, "MANY", many)
        assert said in figure.draw(ONE).legends[0].get_title().get_text()


def lines_of(axis, method, scores):
    """The lines of an axis that have a method's colour and more than two points, or a marker."""
    colour = style.looks(scores["method"])[method].colour
    return [line for line in axis.lines if line.get_color() == colour]


def test_curves_are_means_over_the_images():
    figure = curves.draw(MANY, order="channel_union")
    assert len(figure.axes) == 8
    by_title = {axis.get_title(loc="left").replace("\n", ": "): axis for axis in figure.axes}
    axis = by_title["vit_b_16: deletion, absolute_blur4"]
    (line,) = lines_of(axis, "my_own_method", MANY)
    rows = MANY[(MANY["model"] == "vit_b_16") & (MANY["postprocess"] == "absolute_blur4")]
    expected = np.stack(rows[rows["method"] == "my_own_method"]["deletion_curve"]).mean(0)
    np.testing.assert_allclose(line.get_ydata(), expected)
    np.testing.assert_allclose(line.get_xdata(), np.linspace(0, 1, 11))
    assert axis.get_xlabel() == "Fraction of steps (more pixels are deleted)"
    assert "band: 95% bootstrap interval" in figure.legends[0].get_title().get_text()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(style.looks(MANY["method"]))


def test_bands_hold_their_means():
    figure = curves.draw(ONE)
    axis = figure.axes[0]
    assert len(axis.collections) == len(helpers.MEANS)
    (line,) = lines_of(axis, "attexplore", ONE)
    band = axis.collections[0].get_paths()[0].vertices
    inside = [band[band[:, 0] == x][:, 1] for x in line.get_xdata()]
    assert all(y.min() <= mean <= y.max() for y, mean in zip(inside, line.get_ydata(), strict=True))
    assert not curves.draw(ONE, bands=False).axes[0].collections


def test_x_axis_of_curves_is_honest():
    labels = {order: curves.draw(ONE, order=order).axes[0].get_xlabel() for order in ("", "rise_2d", "flat_3hw")}
    assert labels["rise_2d"] == "Fraction of pixels inserted"
    assert labels["flat_3hw"] == "Fraction of channel values inserted"
    assert labels[""] == "Fraction of steps"
    with pytest.raises(UserError, match="did you mean 'rise_2d'"):
        curves.draw(ONE, order="rise2d")


def test_bars_are_the_tables_numbers():
    table = summarise(MANY).set_index(["model", "method", "postprocess"])
    figure = bars.draw(MANY)
    assert len(figure.axes) == 4
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == list(style.looks(MANY["method"]))
    for axis, (model, score) in zip(
        figure.axes, [(m, s) for m in WIDE["models"] for s in ("insertion", "deletion")], strict=True
    ):
        order = [(model, method, reading) for method in names for reading in WIDE["readings"]]
        expected = table.loc[order]
        np.testing.assert_allclose([bar.get_width() for bar in axis.patches], expected[score])
        ends = np.array([line.get_xdata() for line in axis.lines])
        np.testing.assert_allclose(ends, expected[[f"{score}_low", f"{score}_high"]])
    assert figure.axes[-1].get_xlabel() == "Deletion AUC (lower is better)"


def test_bars_of_another_score():
    figure = bars.draw(ONE.assign(recall=0.5), values=["recall"], methods=["edges", "random"])
    (axis,) = figure.axes
    assert axis.get_xlabel() == "recall"
    assert [bar.get_width() for bar in axis.patches] == [0.5, 0.5]


def test_cost_puts_points_at_passes_and_seconds():
    figure = cost.draw(ONE)
    passes, seconds = figure.axes
    for method, mean in ONE.groupby("method")["insertion_auc"].mean().items():
        for axis, x in ((passes, 2 * helpers.PASSES[method]), (seconds, 0.01 + helpers.PASSES[method] / 40)):
            (point,) = [line for line in lines_of(axis, method, ONE) if len(line.get_xdata()) == 1]
            np.testing.assert_allclose((*point.get_xdata(), *point.get_ydata()), (x, mean))
            low, high = axis.get_xlim()
            assert low < x < high  # 0 passes too, on an axis that is logarithmic elsewhere
    assert passes.get_xscale() == "symlog"
    assert seconds.get_xscale() == "log"
    assert "seconds" in seconds.get_xlabel()
