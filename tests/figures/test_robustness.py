"""Figures of robustness and training show the numbers of their tables, where they can be read."""

import numpy as np
import pytest

from attx.errors import UserError
from attx.figures import bars, cost, frame, robustness_bars, robustness_curves, scales, style, training_curves
from attx.statistics import mean_interval, share_interval
from tests.figures import helpers, robust_sources
from tests.figures.robust_sources import EPSILONS, METHODS, MODELS
from tests.figures.sources import LONG

SCORES = robust_sources.comparisons()
READ = ("signed", "absolute_blur4")
DRAWN = {
    "robustness_curves": lambda: robustness_curves.draw(SCORES),
    "one epsilon": lambda: robustness_curves.draw(
        robust_sources.comparisons(epsilons=(0.3,), images=1), values=["spearman"]
    ),
    "readings of models": lambda: robustness_curves.draw(
        robust_sources.comparisons(LONG, METHODS[2:], readings=READ, images=1)
    ),
    "bars": lambda: robustness_bars.draw(SCORES),
    "bars of readings": lambda: robustness_bars.draw(
        robust_sources.comparisons(LONG, readings=READ, images=1), values=["top_k_intersection", "center_of_mass_shift"]
    ),
    "seeds": lambda: bars.draw(robust_sources.comparisons(attacks=(), images=2)),
    "training": lambda: training_curves.draw(robust_sources.training()),
    "one epoch": lambda: training_curves.draw(robust_sources.training(LONG, epochs=1, every=1)),
}


@pytest.mark.parametrize("name", DRAWN)
def test_readable(name, tmp_path):
    figure = DRAWN[name]()
    if " " not in name:
        style.save(figure, tmp_path / "a.pdf", tmp_path / "a.png", note="demonstration: small settings")
    helpers.assert_readable(figure)


def expected(score, **key):
    return mean_interval(frame.cell(SCORES, **key)[score].to_numpy())


def test_robustness_draws_the_means_at_their_epsilons():
    mixed = SCORES.sort_values(["epsilon", "method"], ascending=False, kind="stable")
    figure = robustness_curves.draw(mixed, methods=["random", "saliency_gradient"])
    grid = np.array(figure.axes).reshape(4, 3)
    looks = style.looks(SCORES["perturbation"], style.ATTACKS)
    keys = [(model, method) for model in MODELS for method in ("saliency_gradient", "random")]
    shown = ("top_k_intersection", "lens_recall_at_k_w3")
    for row, (model, method) in zip(grid, keys, strict=True):
        assert row[0].get_ylabel().replace("\n", "").startswith(model)
        for axis, score in zip(row, shown, strict=False):
            for i, (attack, look) in enumerate(looks.items()):
                (line,) = [line for line in axis.lines if line.get_color() == look.colour]
                found = [expected(score, model=model, method=method, perturbation=attack, epsilon=e) for e in EPSILONS]
                np.testing.assert_allclose(line.get_ydata(), [interval.mean for interval in found])
                np.testing.assert_allclose(line.get_xdata(), EPSILONS, atol=0.02 * EPSILONS[-1])
                ends = [segment[:, 1] for segment in axis.collections[i].get_segments()]
                np.testing.assert_allclose(ends, [interval[1:] for interval in found])
    assert [tick.get_text() for tick in grid[-1, 0].get_xticklabels()] == ["2", "4", "8"]
    assert grid[-1, 0].get_xlabel() == "Epsilon, in 1/255"
    assert list(looks) == ["topk", "a_long_label_of_an_attack", "random_sign"]  # the control is last


def test_metrics_stand_beside_each_other_on_one_scale_if_all_are_shares():
    figure = robustness_curves.draw(SCORES, models=MODELS[:1], methods=["random"])
    titles = [axis.get_title(loc="left").split("\n")[0] for axis in figure.axes]
    assert titles == ["Top-k intersection", "3-LENS-recall@k", "Spearman correlation"]
    shares = robustness_curves.draw(SCORES, values=["top_k_intersection", "lens_recall_at_k_w5"])
    assert {axis.get_ylim() for axis in shares.axes} == {(-0.04, 1.04)}


def test_the_table_of_robustness():
    table = robustness_curves.table(SCORES, perturbations=["topk"], values=["spearman"])
    assert len(table) == 2 * 3 * 3
    assert list(table["epsilon"][:3]) == ["2/255", "4/255", "8/255"]
    row = table.set_index(["model", "method", "epsilon"]).loc[MODELS[1], "random", "4/255"]
    key = {"model": MODELS[1], "method": "random", "perturbation": "topk", "epsilon": 4 / 255}
    assert tuple(row[["spearman", "spearman_low", "spearman_high"]]) == expected("spearman", **key)


def test_bars_are_of_one_perturbation_at_its_largest_epsilon():
    figure = robustness_bars.draw(SCORES, values=["lens_recall_at_k_w5"])
    (axis,) = figure.axes
    names = [label.get_text() for label in axis.get_yticklabels()]
    key = {"perturbation": "random_sign", "epsilon": EPSILONS[-1]}
    found = [expected("lens_recall_at_k_w5", model=m, method=name, **key) for name in names for m in MODELS]
    np.testing.assert_allclose([bar.get_width() for bar in axis.patches], [interval.mean for interval in found])
    np.testing.assert_allclose([line.get_xdata() for line in axis.lines], [interval[1:] for interval in found])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(MODELS)
    assert "random_sign at epsilon 8/255" in figure.legends[0].get_title().get_text()
    with pytest.raises(UserError, match="did you mean 'topk'"):
        robustness_bars.draw(SCORES, perturbation="topj")


def test_scores_of_another_metric_are_refused():
    for figure in (robustness_bars, robustness_curves):
        with pytest.raises(UserError, match="no column perturbation, epsilon"):
            figure.draw(helpers.scores())
    with pytest.raises(UserError, match="did you mean 'lens_recall_at_k_w3'"):
        robustness_curves.draw(SCORES, values=["lens_recal_at_k_w3"])


def test_perturbations_are_not_averaged():
    with pytest.raises(UserError, match="draw them by robustness_curves or robustness_bars"):
        bars.draw(SCORES)
    with pytest.raises(UserError, match="several perturbations"):
        cost.draw(SCORES, value="spearman")
    one = frame.cell(SCORES, perturbation="topk", epsilon=EPSILONS[0], model=MODELS[0])
    assert len(bars.draw(one).axes) == 3


def test_scores_have_names_and_directions():
    assert frame.label("top_k_div_lens_recall_w7") == "7-LENS-recall@k-div (higher is better)"
    assert frame.better("center_of_mass_shift") == "lower"
    assert frame.label("own_w3") == "own_w3"
    assert frame.better("own_w3") == ""
    assert frame.similarities(["lens_recall_at_k_w11", "lens_recall_at_k_w5", "ssim"]) == [
        "lens_recall_at_k_w5",
        "ssim",
    ]


@pytest.mark.parametrize(
    ("values", "texts"),
    [([8 / 255, 2 / 255], (["8", "2"], "/255")), ([0.1, 0.2], (["0.1", "0.2"], "")), ([0.2], (["0.2"], ""))],
)
def test_epsilons_as_the_field_writes_them(values, texts):
    assert scales.epsilons(values) == texts


def test_training_curves_and_what_is_left_at_the_end():
    source = robust_sources.training()
    figure = training_curves.draw(source)
    looks = style.looks(source["training"], list(dict.fromkeys(source["training"])))
    assert list(looks) == ["nat", "pgd", "ig_norm", "ig_sum_norm"]
    *curves, end = figure.axes
    table = training_curves.table(source).set_index("training")
    for i, (label, look) in enumerate(looks.items()):
        rows = source[source["training"] == label]
        for axis, (column, parts) in zip(curves, {"loss": 1, "clean_accuracy": 100}.items(), strict=False):
            np.testing.assert_allclose(axis.lines[i].get_xydata(), rows[["epoch", column]] * [1, parts])
        np.testing.assert_allclose(curves[2].lines[i].get_xdata(), [3, 6])
        clean, attacked = [line.get_ydata()[0] for line in end.lines if line.get_color() == look.colour]
        np.testing.assert_allclose([clean, attacked], [(350 - 7 * i) / 3.6, (26 + 50 * i) / 3.6])
        for column, hits in {"clean_accuracy": 350 - 7 * i, "adversarial_accuracy": 26 + 50 * i}.items():
            found = table.loc[label, [column + ends for ends in frame.ENDS]].to_numpy(float)
            np.testing.assert_allclose(found, share_interval(hits, 360))
    assert table.loc["pgd", ["epochs", "seconds"]].tolist() == [6, 12]


def test_an_accuracy_that_was_taken_once_has_no_curve():
    figure = training_curves.draw(robust_sources.training(every=6))
    assert [axis.get_title(loc="left") for axis in figure.axes] == [
        "Training loss (log)",
        "Accuracy in %",
        "At the end, in %",
    ]
    ticks = training_curves.draw(robust_sources.training(epochs=1)).axes[0].get_xticks()
    assert all(tick == round(tick) for tick in ticks)
    never = training_curves.table(robust_sources.training(every=99))
    assert never["adversarial_accuracy"].isna().all()
    with pytest.raises(UserError, match="no column loss"):
        training_curves.draw(robust_sources.training().drop(columns="loss"))
