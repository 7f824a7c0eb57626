"""Contrasts are paired differences over the images that both sides have, drawn where they can be read."""

import numpy as np
import pandas as pd
import pytest

from attx.errors import UserError
from attx.figures import contrasts, style
from attx.statistics import mean_interval
from tests.figures import helpers, robust_sources
from tests.figures.robust_sources import METHODS, MODELS
from tests.figures.sources import LONG

NINE = ("attexplore", "saliency_gradient", "integrated_gradients", "smoothgrad", "input_x_gradient")
NINE += ("learned_order", "attexplore_mi", "edges", "random")
ENDS = ["difference", "difference_low", "difference_high"]


def source(*args, **kwargs):
    scores = robust_sources.comparisons(*args, **kwargs)
    noise = np.random.default_rng(1).normal(0, 0.05, len(scores))
    return scores.assign(top_k_div_lens_recall_w3=scores["lens_recall_at_k_w3"] + noise)


SCORES = source(images=6)


@pytest.mark.parametrize(
    ("scores", "keywords"),
    [
        (source((*LONG, "pgd"), NINE, images=1), {}),
        (source(methods=METHODS[2:], images=1), {"values": ["center_of_mass_shift", "spearman", "top_k_intersection"]}),
        (source(MODELS[:1], readings=("signed", "absolute_blur4"), images=2), {"contrasts": ["attack"]}),
    ],
)
def test_readable(scores, keywords, tmp_path):
    figure = contrasts.draw(scores, **keywords)
    style.save(figure, tmp_path / "a.pdf", tmp_path / "a.png", note="demonstration: small settings")
    helpers.assert_readable(figure)


def column(score, scores=SCORES, **key):
    """A score by image at the largest epsilon, straight from the table."""
    rows = scores.query("epsilon == epsilon.max()")
    for name, label in key.items():
        rows = rows[rows[name] == label]
    return rows.set_index("image_id")[score]


def test_the_numbers_are_those_of_a_direct_computation():
    table = contrasts.table(SCORES)
    assert len(table) == (2 * 2 * 3 + 2 * 3 + 2 * 2 * 2) * 3  # window and diversity, training, attack; methods
    plain, near, apart = "top_k_intersection", "lens_recall_at_k_w3", "top_k_div_lens_recall_w3"
    kinds = table.groupby("contrast", sort=False)[["score", "minus"]].agg(lambda labels: set(labels))
    assert kinds.T.to_dict("list") == {
        "window": [{near}, {plain}],
        "diversity": [{apart}, {near}],
        "training": [{plain, near}, {MODELS[0]}],
        "attack": [{plain, near}, {"random_sign"}],
    }
    for row in table.to_dict("records"):
        key = {name: row[name] for name in ("model", "method", "perturbation")}
        side = {"training": "model", "attack": "perturbation"}.get(row["contrast"])
        score, other = (row["score"], key | {side: row["minus"]}) if side else (row["minus"], key)
        expected = mean_interval((column(row["score"], **key) - column(score, **other)).to_numpy())
        np.testing.assert_allclose([row[end] for end in ENDS], expected)
        assert (row["images"], row["epsilon"]) == (6, "8/255")


def test_only_what_both_sides_have_is_compared():
    poor = (SCORES["model"] == MODELS[1]) & SCORES["image_id"].isin(["i0", "i1"])
    mild = (SCORES["perturbation"] == "random_sign") & (SCORES["epsilon"] == SCORES["epsilon"].max())
    scores = SCORES[~poor & ~mild]
    table = contrasts.table(scores, contrasts=["training", "attack"], methods=["random"], values=["spearman"])
    trained, attacked = (table[table["contrast"] == name] for name in ("training", "attack"))
    assert set(trained["images"]) == {4}
    assert dict(zip(trained["perturbation"], trained["epsilon"], strict=True))["random_sign"] == "4/255"
    assert set(attacked["epsilon"]) == {"4/255"}
    topk = trained[trained["perturbation"] == "topk"]["difference"].item()
    key = {"scores": scores, "method": "random", "perturbation": "topk"}
    pair = [column("spearman", model=model, **key) for model in MODELS]
    assert topk == pytest.approx((pair[1] - pair[0]).dropna().mean())


def test_the_first_of_the_models_wished_for_is_subtracted():
    forth, back = (contrasts.table(SCORES, contrasts=["training"], models=[*order]) for order in (MODELS, MODELS[::-1]))
    assert (set(back["minus"]), set(back["model"])) == ({MODELS[1]}, {MODELS[0]})
    np.testing.assert_allclose(forth["difference"], -back["difference"])


def test_windows_are_the_smallest_or_those_of_the_values():
    scores = SCORES.rename(columns={"top_k_div_lens_recall_w3": "top_k_div_lens_recall_w5"})
    shown = contrasts.table(scores)
    assert set(shown["contrast"]) == {"window", "training", "attack"}  # k-div was taken at another window
    wide = contrasts.table(scores, contrasts=["window", "diversity"], values=["lens_recall_at_k_w5"])
    assert list(wide["score"].unique()) == ["lens_recall_at_k_w5", "top_k_div_lens_recall_w5"]


def test_marks_stand_at_the_table_s_numbers_with_controls_last():
    scores = source(methods=("random", "saliency_gradient", "attexplore"), images=2)
    figure = contrasts.draw(scores, contrasts=["window", "training"])
    table = contrasts.table(scores, contrasts=["window", "training"]).set_index(["contrast", "score", "model"])
    grid = np.array(figure.axes).reshape(2, 3)
    names = [label.get_text() for label in grid[0, 0].get_yticklabels()]
    assert names == ["attexplore", "saliency_gradient", "random"]
    assert [label.get_color() for label in grid[0, 0].get_yticklabels()] == ["black", "black", "0.45"]
    assert [text.get_text() for text in grid[0, 1].texts] == ["what is\nsubtracted"]
    looks = style.looks(scores["perturbation"], style.ATTACKS)
    for axis, key in (
        (grid[1, 0], ("window", "lens_recall_at_k_w3")),
        (grid[1, 1], ("training", "top_k_intersection")),
    ):
        for lines, name in zip(axis.collections, looks, strict=True):
            (marks,) = [line for line in axis.lines if line.get_marker() == looks[name].marker]
            rows = table.loc[(*key, MODELS[1])].query("perturbation == @name").set_index("method").loc[names, ENDS]
            from_top = marks.get_ydata().argsort()
            assert list(marks.get_ydata()[from_top].round()) == [0, 1, 2]
            np.testing.assert_allclose(marks.get_xdata()[from_top], rows["difference"])
            np.testing.assert_allclose(np.array(lines.get_segments())[from_top, :, 0], rows[ENDS[1:]])
    assert grid[1, 1].get_xlabel().replace("\n", " ") == f"Top-k intersection − that of {MODELS[0]}"
    assert grid[1, 1].get_xlim() == grid[1, 2].get_xlim()


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"contrasts": ["windw"]}, "unknown contrast 'windw'; did you mean 'window'"),
        ({"values": ["spearmen"]}, "did you mean 'spearman'"),
        ({"models": ["digits_nut"]}, "unknown model 'digits_nut'; did you mean 'digits_nat'"),
        ({"contrasts": ["training"], "models": ["digits_nat"]}, "'training': the table needs two models"),
        ({"contrasts": ["attack"], "perturbations": ["topk"]}, "needs the perturbation random_sign and another one"),
    ],
)
def test_what_is_refused(keywords, words):
    for make in (contrasts.draw, contrasts.table):
        with pytest.raises(UserError, match=words):
            make(SCORES, **keywords)


def test_tables_without_a_contrast_are_refused():
    alone = SCORES.query("model == 'digits_nat' and perturbation == 'topk'").drop(columns=["top_k_intersection"])
    with pytest.raises(UserError, match="contrast 'window': the table needs the scores top_k_intersection"):
        contrasts.table(alone.drop(columns="top_k_div_lens_recall_w3"))
    apart = pd.concat([SCORES, SCORES.assign(model="other", image_id=SCORES["image_id"] + "x")])
    with pytest.raises(UserError, match="'training': nothing shares images and epsilon with 'digits_nat'"):
        contrasts.table(apart, models=["digits_nat", "other"])
    with pytest.raises(UserError, match="no column perturbation, epsilon"):
        contrasts.draw(helpers.scores())
