"""The leaderboard ranks methods by their means, says whom the images do not tell from the best, and can be read."""

import numpy as np
import pandas as pd
import pytest

from attx.errors import UserError
from attx.figures import leaderboard, style
from attx.statistics import mean_interval
from tests.figures import helpers, robust_sources
from tests.figures.sources import LONG

SCORES = robust_sources.leaderboard()
LENS = "lens_recall_at_k_w3"


@pytest.mark.parametrize(
    "scores",
    [
        SCORES,
        robust_sources.leaderboard(LONG, ("saliency_gradient", "integrated_gradients", "random")),
        robust_sources.leaderboard(methods=("saliency_gradient", "attexplore")).groupby("metric").head(1),
        helpers.scores(readings=("signed", "absolute_blur4"), images=2).assign(metric="rise"),
    ],
    ids=["one", "models", "least", "one metric"],
)
def test_readable(scores, tmp_path):
    figure = leaderboard.draw(scores)
    style.save(figure, tmp_path / "a.pdf", tmp_path / "a.png", note="demonstration: small settings")
    helpers.assert_readable(figure)


def test_it_says_of_how_many_images_each_metric_is():
    first = SCORES["image_id"].iloc[0]
    fewer = SCORES[(SCORES["metric"] != "seeds") | (SCORES["image_id"] == first)]
    assert leaderboard.draw(fewer).legends[0].get_title().get_text().startswith("Mean of 1 to 4 images of digits")


def test_numbers_are_those_of_the_metrics():
    table = leaderboard.table(SCORES).set_index("method")
    assert list(table.filter(like="_low").columns.str.removesuffix("_low")) == [
        "insertion",
        "deletion",
        *(f"{of}_{LENS}" for of in ("seeds", "random_sign", "topk", "a_long_label_of_an_attack")),
    ]
    rows = SCORES[SCORES["method"] == "attexplore"]
    seeds = rows[rows["metric"] == "seeds"]
    topk = rows[(rows["perturbation"] == "topk") & (rows["epsilon"] == 8 / 255)]
    areas = rows[rows["metric"] == "areas"]["insertion_auc"].dropna()
    for name, values in {f"seeds_{LENS}": seeds[LENS], f"topk_{LENS}": topk[LENS], "insertion": areas}.items():
        found = table.loc["attexplore", [name, f"{name}_low", f"{name}_high"]].to_numpy(float)
        np.testing.assert_allclose(found, mean_interval(values.to_numpy()))
    assert table.loc["my_own_method", [f"seeds_{LENS}"]].isna().all()
    assert table.loc["attexplore", "passes"] == 440


def scores(**values):
    """A metric `own` with the score `s` and a metric `other` with `t`, of methods, by image."""
    rows = [
        {"image_id": f"i{k}", "data": "d", "model": "m", "method": method, "postprocess": "signed", "label": 0}
        | {"forward_passes": 1, "backward_passes": 1, "seconds": 0.1, "metric": metric, name: value}
        for method, scored in values.items()
        for (metric, name), column in zip((("own", "s"), ("other", "t")), scored, strict=True)
        for k, value in enumerate(column)
    ]
    return pd.DataFrame(rows)


BETTER = {"s": "higher", "t": "lower"}
RANKED = scores(
    a=([1, 2, 3, 4], [1, 1, 1, 1]),
    b=([1, 2, 3, 3.9], [0, 0, 0, 0]),
    c=([0.5, 1.5, 2.5, 3.5], [2, 2, 2, 2]),
    random=([9, 9, 9, 9], [-9, -9, -9, -9]),
)


def test_ranks_are_within_columns_without_controls():
    table = leaderboard.table(RANKED, better=BETTER)
    assert list(table["method"]) == ["a", "b", "c", "random"]
    np.testing.assert_array_equal(table["mean_relative_rank"], [0.25, 0.25, 1, np.nan])
    # b is told from a by no image but one; c is, by every image
    assert list(table["best"]) == ["s", "s, t", "", ""]


def test_the_figure_says_what_the_table_says():
    figure = leaderboard.draw(RANKED, better=BETTER)
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b", "c", "random"]
    assert [label.get_text() for label in axis.get_xticklabels()] == [
        "mean\nrelative\nrank ↓",
        "s ↑",
        "t ↓",
        "passes",
        "seconds",
    ]
    cells = np.array(axis.texts[:20]).reshape(4, 5)
    shares = axis.images[0].get_array()
    np.testing.assert_allclose(shares[:3, 0], [0.75, 0.75, 0])
    np.testing.assert_allclose(shares[:3, 1], [1, 0.5, 0])
    np.testing.assert_allclose(shares[:3, 2], [0.5, 1, 0])
    assert np.ma.getmaskarray(shares)[3].all()
    assert cells[2, 1].get_text().split("\n")[0] == "2.00"
    bold = [[text.get_fontweight() == "bold" for text in row] for row in cells]
    assert np.argwhere(bold).tolist() == [[0, 1], [1, 1], [1, 2]]
    assert sorted(patch.get_xy() for patch in axis.patches) == [(0.5, -0.5), (1.5, 0.5)]


def test_a_score_of_no_known_direction_is_shown_and_not_ranked():
    table = leaderboard.table(RANKED, better={"s": "higher"}).set_index("method")
    assert list(table["mean_relative_rank"][:3]) == [0, 0.5, 1]
    (axis,) = leaderboard.draw(RANKED, better={"s": "higher"}).axes
    np.testing.assert_allclose(axis.images[0].get_array()[:3, 2], 0.5)


def test_methods_are_ranked_within_their_model():
    scores = pd.concat([RANKED, RANKED.assign(model="n", s=-RANKED["s"])])
    table = leaderboard.table(scores, columns=["s"], better=BETTER)
    assert list(table["method"]) == ["a", "b", "c", "random", "c", "b", "a", "random"]
    assert "t" not in table


def test_a_metric_of_few_methods_lifts_nobody_above_those_that_more_judge():
    """By `s` b is fifth and a last of six; by `t`, which judges these two alone, a is first."""
    areas = scores(**{method: ([k, k + 1.0], [0, 0]) for k, method in enumerate("abcdef")}).dropna(subset="s")
    few = scores(a=([], [0, 0.1]), b=([], [1, 1.1]))
    alone = few[few["method"] == "a"].assign(metric="alone", u=1.0).drop(columns="t")
    table = leaderboard.table(pd.concat([areas, few, alone]), better=BETTER | {"u": "higher"}).set_index("method")
    assert list(table.index) == ["a", "b", "f", "e", "d", "c"]
    np.testing.assert_allclose(table["mean_relative_rank"], [0.5, 0.9, 0, 0.2, 0.4, 0.6])
    assert list(table["ranked_by"]) == [2, 2, 1, 1, 1, 1]
    assert "u" not in table.loc["a", "best"]
    (axis,) = leaderboard.draw(pd.concat([areas, few, alone]), better=BETTER | {"u": "higher"}).axes
    cells = np.array(axis.texts[:36]).reshape(6, 6)
    assert [cell.get_text() for cell in cells[:, 0]] == [".50", ".90", "(.00)", "(.20)", "(.40)", "(.60)"]
    np.testing.assert_allclose(axis.images[0].get_array()[:, 0], [0.5, 0.1, 0.5, 0.5, 0.5, 0.5])


def test_no_mean_is_told_from_another_where_each_method_lacks_a_metric():
    third = scores(b=([1, 1], []), c=([2, 2], [])).assign(metric="third").rename(columns={"s": "u"})
    rows = pd.concat([scores(a=([3, 3], [1, 1]), b=([2, 2], []), c=([], [0, 0])), third])
    (axis,) = leaderboard.draw(rows, better=BETTER | {"u": "higher"}).axes
    assert [axis.texts[6 * row].get_text() for row in range(3)] == ["(.00)", "(.50)", "(1.00)"]


def test_controls_are_those_named():
    """`c` is one and `random`, worst by far in `s` and best in `t`, is none."""
    rows = RANKED.assign(s=RANKED["s"].replace(9, -9))
    table = leaderboard.table(rows, better=BETTER, controls=["c"])
    assert list(table["method"]) == ["a", "b", "random", "c"]
    np.testing.assert_allclose(table["mean_relative_rank"], [0.5, 0.5, 0.5, np.nan])
    (axis,) = leaderboard.draw(rows, better=BETTER, controls=["c"]).axes
    grey = np.ma.getmaskarray(axis.images[0].get_array())
    assert grey[3].all()
    assert not grey[:3].any()


def test_wrong_columns_are_named():
    with pytest.raises(UserError, match="did you mean 'insertion_auc'"):
        leaderboard.draw(SCORES, columns=["insertion_au"])
    with pytest.raises(UserError, match="no column metric"):
        leaderboard.table(helpers.scores())


@pytest.mark.parametrize(("value", "text"), [(-0.001, ".00"), (-0.256, "-.26"), (0.999, "1.00"), (12.34, "12.3")])
def test_digits(value, text):
    assert leaderboard._digits(value) == text
