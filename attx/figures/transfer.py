"""Success rates of attacks on the model attacked and on others, of the images that both classify as labelled."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from attx.figures import frame, heat, scales, style
from attx.statistics import share_interval

NEEDS = "transfer"
CAPTION = (
    "Of the images that both models classify rightly, the share that an attack on one model makes another misclassify; "
    "a panel for each model attacked, whose own column is framed. Beside them the mean over the models not attacked: "
    "the transfer."
)
COLUMNS = ["image_id", "data", "source", "model", "attack", "label", "predicted"]
COLUMNS += ["source_predicted", "adversarial", "distance"]
WHITE, MEAN = "white_box", "mean_transfer"
MARKS = {
    MEAN: {"marker": "o", "color": style.COLOURS[0], "label": "mean of the models not attacked"},
    WHITE: {
        "marker": "D",
        "color": style.COLOURS[3],
        "label": "model attacked (white box)",
        "markerfacecolor": "white",
    },
}


@style.themed
def draw(source: pd.DataFrame) -> Figure:
    """Draw the success rate of attacks (rows) on models (columns), a panel per model attacked, and beside it the means.

    Success: of the images that the model attacked and the judging one both classify as labelled, the share that the
    latter then misclassifies. Attacks are sorted by their mean rate on the models not attacked.
    """
    rates, means = _rates(source), table(source)
    attacked, models = frame.levels(source, "source"), _models(source)
    means = means.groupby("attack", sort=False)[[name + end for name in (MEAN, WHITE) for end in frame.ENDS]].mean()
    means = means.sort_values([MEAN, WHITE], ascending=False)
    cell = float(np.clip(4.0 / len(attacked) / len(models), 0.34, 0.8))
    widths = [*[cell * len(models)] * len(attacked), 1.9]
    width = max(style.WIDTH, 1.0 + sum(widths))
    figure, (axes,) = style.canvas(
        1, len(widths), panel=0.19 * len(means) + 0.5, width=width, width_ratios=widths, sharey=True
    )
    for axis, model, share in zip(axes, attacked, widths, strict=False):
        below = _heatmap(axis, frame.cell(rates, source=model), list(means.index), models, cell)
        if model in models:
            heat.outline(axis, 0, models.index(model), rows=len(means))
        letters = 15 * share * (width - 1.0) / sum(widths)
        one_line = len(f"Attacked: {model}") <= letters
        axis.set_title(
            f"Attacked: {model}" if one_line else f"Attacked:\n{style.broken(model, int(letters))}", loc="left"
        )
    axes[-1].set_title("Mean of the panels" if len(attacked) > 1 else "Means", loc="left")
    figure.set_figheight(figure.get_figheight() + max(0.35, below))
    axes[0].set_yticks(range(len(means)), means.index)
    _dots(axes[-1], means)
    title = f"Attacks on {frame.sample(source, ['source', 'model', 'attack'])}, "
    title += f"changes up to {scales.change(source['distance'].max())}; cells: success in %"
    style.legend(figure, [Line2D([], [], linestyle="", **mark) for mark in MARKS.values()], title=title)
    return figure


def table(source: pd.DataFrame) -> pd.DataFrame:
    """A row per data, model attacked (`source`) and attack, best mean transfer first: success rates with intervals.

    `white_box` is of the model attacked, `mean_transfer` the mean of the others, which follow under their labels;
    `..._images` counts the images. Intervals are Wilson's at 95%; that of the mean is the mean of the models', which
    is wide enough however alike the models are.
    """
    rates, keys = _rates(source), ["data", "source", "attack"]
    others = frame.levels(rates[rates["model"] != rates["source"]], "model")
    rows = []
    for key, group in rates.groupby(keys, sort=False):
        own = group["model"] == group["source"]
        named = {WHITE: group[own], MEAN: group[~own]} | {m: group[~own & (group["model"] == m)] for m in others}
        row = {name + end: found[f"rate{end}"].mean() for name, found in named.items() for end in frame.ENDS}
        counts = {f"{name}_images": found["images"].sum() for name, found in named.items() if name != MEAN}
        rows.append(dict(zip(keys, key, strict=True)) | row | counts)
    best_first = pd.DataFrame(rows).sort_values([MEAN, WHITE], ascending=False)
    return frame.ordered(best_first, {key: frame.levels(source, key) for key in ("data", "source")})


def _rates(source: pd.DataFrame) -> pd.DataFrame:
    """A row per data, model attacked, attack and model: `images` that both models know, `rate` and its interval."""
    source = frame.require(source, COLUMNS)
    known = (source["predicted"] == source["label"]) & (source["source_predicted"] == source["label"])
    counted = source.assign(images=known, hits=known & (source["adversarial"] != source["label"]))
    keys = ["data", "source", "attack", "model"]
    found = counted.groupby(keys, sort=False)[["images", "hits"]].sum().reset_index()
    intervals = [share_interval(hits, n) for hits, n in zip(found["hits"], found["images"], strict=True)]
    return found.join(pd.DataFrame(intervals).set_axis([f"rate{end}" for end in frame.ENDS], axis=1))


def _models(source: pd.DataFrame) -> list[str]:
    """The models judged: those attacked first."""
    judged = frame.levels(source, "model")
    return [m for m in frame.levels(source, "source") if m in judged] + [
        m for m in judged if m not in set(source["source"])
    ]


def _heatmap(axis: Axes, rates: pd.DataFrame, attacks: list[str], models: list[str], cell: float) -> float:
    """Fill a panel; returns the height of the names below it in inches."""
    shares = rates.pivot(index="attack", columns="model", values="rate").reindex(index=attacks, columns=models)
    percent = 100 * shares.to_numpy(dtype=float)
    texts = np.vectorize(lambda value: "" if np.isnan(value) else f"{value:.0f}", otypes=[object])(percent)
    heat.cells(axis, percent, texts, "Blues", (0, 100))
    counts = rates.groupby("model")["images"].agg(["min", "max"]).reindex(models)
    ranges = [f"{low:g}" if low == high else f"{low:g}–{high:g}" for low, high in counts.to_numpy()]
    return heat.columns(axis, [f"{model} (n={n})" for model, n in zip(models, ranges, strict=True)], cell)


def _dots(axis: Axes, means: pd.DataFrame) -> None:
    for aside, (name, mark) in zip((-0.15, 0.15), MARKS.items(), strict=True):
        y = np.arange(len(means)) + aside
        rate, low, high = (100 * means[name + end].to_numpy() for end in frame.ENDS)
        axis.hlines(y, low, high, color=mark["color"], linewidth=0.9)
        axis.plot(rate, y, linestyle="", markersize=4, **mark)
    axis.set_xlim(-3, 103)
    axis.set_xlabel("Success rate in %\n(line: 95% interval)")
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
