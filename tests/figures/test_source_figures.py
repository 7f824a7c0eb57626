"""Ablations, cross-model heatmaps, paths and transfer show the numbers of their tables, where they can be read."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from attx.errors import UserError
from attx.figures import ablation, cross_model, path, style, transfer
from attx.statistics import mean_interval, share_interval
from tests.figures import helpers, sources
from tests.figures.sources import EPSILONS, LONG

FOUR = ("attexplore", "a_method_with_a_long_label", "smoothgrad", "random")
DRAWN = {
    "ablation": lambda: ablation.draw(sources.ablation(images=2), parameter="epsilon"),
    "ablation of models": lambda: ablation.draw(
        sources.ablation(models=LONG, bases=FOUR, images=2), parameter="epsilon"
    ),
    "seeds": lambda: ablation.draw(sources.ablation([0, 1, 3407], models=LONG, images=2), parameter="seed"),
    "words": lambda: ablation.draw(sources.ablation(["bim", "a_long_label"], images=1), parameter="attack"),
    "cross": lambda: cross_model.draw(sources.cross(methods=FOUR, images=2)),
    "cross of six": lambda: cross_model.draw(sources.cross((*LONG, "vgg16", "a.b", "inception_v3"), images=1)),
    "path": lambda: path.draw(sources.trace()),
    "path of models": lambda: path.draw(sources.trace(FOUR, LONG, images=2)),
    "transfer": lambda: transfer.draw(sources.transfer()),
    "transfer of models": lambda: transfer.draw(sources.transfer(LONG, attacks=[f"attack{k}" for k in range(16)])),
    "white box": lambda: transfer.draw(sources.transfer(models=LONG[:1], attacks=["bim"])),
}


@pytest.mark.parametrize("name", DRAWN)
def test_readable(name, tmp_path):
    figure = DRAWN[name]()
    if " of " not in name:
        style.save(figure, tmp_path / "a.pdf", tmp_path / "a.png", note="demonstration: small settings")
    helpers.assert_readable(figure)


@pytest.mark.parametrize(
    ("draw", "source"),
    [
        (lambda source: ablation.draw(source, parameter="epsilon"), sources.ablation(images=1)),
        (lambda source: ablation.table(source, parameter="epsilon"), sources.ablation(images=1)),
        (cross_model.draw, sources.cross(images=1)),
        (cross_model.table, sources.cross(images=1)),
        (path.draw, sources.trace(images=1)),
        (transfer.draw, sources.transfer(images=1)),
        (transfer.table, sources.transfer(images=1)),
    ],
)
def test_missing_columns_and_empty_tables_are_named(draw, source):
    with pytest.raises(UserError, match="the table has no column data, but image_id, "):
        draw(source.drop(columns="data"))
    with pytest.raises(UserError, match="no rows"):
        draw(source.head(0))


def lines(axis, colour):
    return [line for line in axis.lines if line.get_color() == colour]


def test_ablation_draws_the_means_of_its_values_in_order():
    source = sources.ablation(models=LONG).sample(frac=1, random_state=0)
    figure = ablation.draw(source, parameter="epsilon")
    axes = np.array(figure.axes).reshape(2, 3)
    looks = style.looks(source["base"])
    for row, score in zip(axes, ("insertion_auc", "deletion_auc"), strict=True):
        for axis, model in zip(row, source["model"].unique(), strict=True):
            for k, (base, look) in enumerate(looks.items()):
                rows = source[(source["model"] == model) & (source["base"] == base)]
                groups = [rows[rows["value"] == value][score] for value in EPSILONS]
                (line,) = lines(axis, look.colour)
                np.testing.assert_allclose(line.get_xydata(), np.transpose([EPSILONS, [g.mean() for g in groups]]))
                band = axis.collections[k].get_paths()[0].vertices
                ends = {x: sorted(set(band[band[:, 0] == x][:, 1])) for x in EPSILONS}
                np.testing.assert_allclose(ends[EPSILONS[2]], mean_interval(groups[2])[1:])
    assert axes[0, 0].get_xscale() == "log"
    assert [tick.get_text() for tick in axes[1, 0].get_xticklabels()] == ["1", "2", "4", "8", "16", "32"]
    assert axes[1, 0].get_xlabel() == "Perturbation budget epsilon, in 1/255"
    assert axes[0, 1].get_ylim() == axes[0, 0].get_ylim() != axes[1, 0].get_ylim()


def test_only_amplitudes_are_written_in_255ths_and_only_wide_ranges_are_logarithmic():
    fifths = sources.ablation([0.0, 0.2, 0.4, 1.0], images=1)  # 0.2 is 51/255
    axis = ablation.draw(fifths, parameter="diversity_prob", scores=["insertion_auc"]).axes[0]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["0", "0.2", "0.4", "1"]
    assert axis.get_xscale() == "linear"
    mixed = ablation.table(sources.ablation([0.15, 16 / 255], images=1), parameter="sigma")
    assert set(mixed["value"]) == {"0.15", f"{16 / 255:.12g}"}
    assert set(ablation.table(sources.ablation([1.6 / 255], images=1), parameter="alpha")["value"]) == {"1.6/255"}
    zero = ablation.draw(sources.ablation([0.0, 1 / 255, 32 / 255], images=1), parameter="sigma").axes[0]
    assert zero.get_xscale() == "symlog"


def test_seeds_are_points_and_not_a_line():
    source = sources.ablation([3407, 0, 7])
    axis = ablation.draw(source, parameter="seed").axes[0]
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["0", "7", "3407"]
    (points,) = lines(axis, style.looks(source["base"])["attexplore"].colour)
    assert points.get_linestyle() == "None"
    rows = source[source["base"] == "attexplore"]
    means = [rows[rows["value"] == seed]["insertion_auc"].mean() for seed in (0, 7, 3407)]
    np.testing.assert_allclose(points.get_ydata(), means)
    assert np.abs(points.get_xdata() - [0, 1, 2]).max() < 0.5


def test_the_table_of_an_ablation():
    source = sources.ablation(EPSILONS[::-1], models=LONG[:2])
    table = ablation.table(source, parameter="epsilon")
    assert list(table.columns[:7]) == ["data", "model", "method", "postprocess", "parameter", "value", "images"]
    assert list(table["value"][:7]) == ["1/255", "2/255", "4/255", "8/255", "16/255", "32/255", "1/255"]
    assert len(table) == 2 * 2 * 6
    row = table.set_index(["model", "method", "value"]).loc[LONG[1], "my_own_method", "8/255"]
    rows = source[(source["model"] == LONG[1]) & (source["base"] == "my_own_method") & (source["value"] == 8 / 255)]
    np.testing.assert_allclose(
        row[["deletion", "deletion_low", "deletion_high"]].to_numpy(float), mean_interval(rows["deletion_auc"])
    )
    with pytest.raises(UserError, match="did you mean 'insertion_auc'"):
        ablation.table(source, parameter="epsilon", scores=["insertion_au"])


def cells(axis) -> dict[tuple[int, int], Text]:
    return {(round(text.get_position()[1]), round(text.get_position()[0])): text for text in axis.texts}


def test_cross_model_cells_are_the_means():
    source = sources.cross()
    figure = cross_model.draw(source)
    axes = np.array(figure.axes[:4]).reshape(2, 2)
    for row, method in zip(axes, ("attexplore", "random"), strict=True):
        for axis, score in zip(row, ("insertion_auc", "deletion_auc"), strict=True):
            shown, values = cells(axis), axis.images[0].get_array()
            for r, explained in enumerate(LONG):
                for c, judge in enumerate(LONG):
                    key = (source["method"] == method) & (source["source"] == explained) & (source["model"] == judge)
                    mean, low, high = mean_interval(source[key][score])
                    assert values[r, c] == pytest.approx(mean)
                    assert shown[r, c].get_text() == f"{mean:.2f}\n[{low:.2f}, {high:.2f}]"
            assert [patch.get_xy() for patch in axis.patches] == [(k - 0.5, k - 0.5) for k in range(3)]
    low, high = axes[0, 0].images[0].get_clim()
    means = source.groupby(["source", "model", "method"])["insertion_auc"].mean()
    assert low <= means.min() < low + 0.1
    assert high - 0.1 < means.max() <= high
    table = cross_model.table(source)
    assert len(table) == 9 * 2
    assert list(table["source"][:6]) == [LONG[0]] * 6


def test_a_pair_of_models_that_was_not_judged_is_an_empty_cell():
    source = sources.cross(images=2)
    figure = cross_model.draw(source[(source["source"] != LONG[0]) | (source["model"] != LONG[2])])
    axis = figure.axes[0]
    assert np.ma.getmaskarray(np.ma.masked_invalid(axis.images[0].get_array())).sum() == 1
    assert cells(axis)[0, 2].get_text() == ""


def test_path_draws_each_image_and_the_mean():
    source = sources.trace()
    figure = path.draw(source)
    colour = style.looks(source["method"])["attexplore"].colour
    rows = source[source["method"] == "attexplore"]
    for axis, column in zip(figure.axes, ("loss", "probability"), strict=True):
        *thin, mean = lines(axis, colour)
        assert len(thin) == 5
        for line, (_, image) in zip(thin, rows.groupby("image_id"), strict=True):
            np.testing.assert_allclose(line.get_ydata(), image[column])
        np.testing.assert_allclose(mean.get_xydata(), rows.groupby("step")[column].mean().reset_index())
    title = figure.legends[0].get_title().get_text()
    assert title.startswith("Mean of 5 images of sample; 10 steps to 16/255")
    assert figure.axes[0].get_xlabel() == "Step along the path (0: the image)"
    assert len(lines(path.draw(source, each=False).axes[0], colour)) == 1
    assert "(tabby, Chesapeake Bay retriever)" in path.draw(sources.trace(images=2)).legends[0].get_title().get_text()


def test_paths_of_other_lengths_and_starts():
    longer = sources.trace(methods=("attexplore_mi",), steps=20).assign(distance=0.04)
    figure = path.draw(pd.concat([sources.trace(methods=("attexplore",)), longer]))
    assert figure.axes[1].get_xlabel() == "Fraction of the path (0: the start)"
    assert max(line.get_xdata().max() for line in figure.axes[0].lines) == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "attexplore: 10 steps to 16/255",
        "attexplore_mi: 20 steps to 10.2/255",
    ]


def rate(source, attacked, attack, model):
    """Hits and images, counted one by one."""
    hits = trials = 0
    for row in source.to_dict("records"):
        if (row["source"], row["attack"], row["model"]) == (attacked, attack, model):
            knows = row["predicted"] == row["label"] == row["source_predicted"]
            trials += knows
            hits += knows and row["adversarial"] != row["label"]
    return hits, trials


def test_transfer_counts_only_what_both_models_know():
    source = sources.transfer()
    table = transfer.table(source).set_index("attack")
    assert list(table.index) == ["ssa", "mi", "bim"]  # best first
    for attack in table.index:
        hits, trials = rate(source, LONG[0], attack, LONG[0])
        assert (hits, trials) == (10, 10)
        shares = [share_interval(*rate(source, LONG[0], attack, model)) for model in LONG[1:]]
        row = table.loc[attack]
        for name, expected in zip((*LONG[1:], "mean_transfer"), (*shares, np.mean(shares, axis=0)), strict=True):
            np.testing.assert_allclose(row[[name, f"{name}_low", f"{name}_high"]].to_numpy(float), expected)
        assert row["white_box"] == 1
        assert row["white_box_images"] == row[f"{LONG[1]}_images"] == 10
    axis, dots = transfer.draw(source).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == list(table.index)
    shown = {place: text.get_text() for place, text in cells(axis).items()}
    for r, attack in enumerate(table.index):
        for c, model in enumerate(LONG):
            hits, trials = rate(source, LONG[0], attack, model)
            assert shown[r, c] == f"{100 * hits / trials:.0f}"
    np.testing.assert_allclose(dots.lines[0].get_xdata(), 100 * table["mean_transfer"])
    assert "(n=10)" in axis.get_xticklabels()[0].get_text().replace("\n", " ")


def test_transfer_from_several_models():
    source = sources.transfer(LONG)
    table = transfer.table(source)
    assert list(table["source"]) == [model for model in LONG for _ in range(3)]
    assert table.groupby("source")["mean_transfer"].apply(lambda means: means.is_monotonic_decreasing).all()
    assert table[table["source"] == LONG[1]][LONG[1]].isna().all()  # that is the white box
    *maps, dots = transfer.draw(source).axes
    assert len(maps) == 3
    means = 100 * table.groupby("attack")["mean_transfer"].mean().sort_values(ascending=False)
    np.testing.assert_allclose(dots.lines[0].get_xdata(), means)


def test_an_attack_on_images_that_no_model_knows_has_no_rate():
    table = transfer.table(sources.transfer(images=1))
    assert table[["white_box", "mean_transfer"]].isna().all(axis=None)
    assert (table["white_box_images"] == 0).all()
