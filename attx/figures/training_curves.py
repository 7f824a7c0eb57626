"""Training: loss, and accuracy on clean and on attacked images, epoch by epoch."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attx.figures import frame, scales, style
from attx.statistics import share_interval

NEEDS = "training"
CAPTION = (
    "Loss and accuracy by epoch on clean images, and on attacked ones where that was measured, with 95% intervals "
    "at the end. Losses of different kinds of training add up different terms and do not compare."
)
COLUMNS = ["training", "epoch", "loss", "clean_accuracy", "adversarial_accuracy", "seconds", "test_images"]
PANELS = {
    "loss": "Training loss",
    "clean_accuracy": "Accuracy in %",
    "adversarial_accuracy": "The same under attack",
}
ENDS = {"clean_accuracy": "clean", "adversarial_accuracy": "attacked"}


@style.themed
def draw(source: pd.DataFrame) -> Figure:
    """Draw loss and accuracies by epoch, a line per training, and the last accuracies with their 95% intervals.

    Accuracy under attack has a panel by epoch where it was taken more than once. What the loss adds up differs between
    kinds of training.
    """
    source = frame.require(source, COLUMNS)
    labels = frame.levels(source, "training")
    looks = style.looks(labels, labels)
    tracked = source.groupby("training")["adversarial_accuracy"].count().max() > 1
    shown = [column for column in PANELS if tracked or column != "adversarial_accuracy"]
    figure, (axes,) = style.canvas(1, len(shown) + 1, panel=2.0, width_ratios=[*[1] * len(shown), 0.7])
    for axis, column in zip(axes, shown, strict=False):
        for label, look in looks.items():
            _line(axis, frame.cell(source, training=label).sort_values("epoch").dropna(subset=column), column, look)
        axis.set_title(PANELS[column], loc="left")
        axis.set_xlabel("Epoch")
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if scales.is_wide(source["loss"]):
        axes[0].set_yscale("log")
        axes[0].set_title(f"{PANELS['loss']} (log)", loc="left")
    _last_ones(axes[-1], table(source), looks)
    images = source["test_images"]
    count = f"{images.min()}" if images.nunique() == 1 else f"{images.min()} to {images.max()}"
    title = f"Accuracy: of {count} test images; vertical line: 95% interval (Wilson)"
    style.legend(figure, style.lines(looks, marked=True), title=title)
    return figure


def table(source: pd.DataFrame) -> pd.DataFrame:
    """A row per training: its epochs and seconds, the last loss, the last accuracies with Wilson's intervals at 95%."""
    rows = []
    for label, epochs in frame.require(source, COLUMNS).groupby("training", sort=False):
        epochs = epochs.sort_values("epoch")
        row = {"training": label, "epochs": len(epochs), "seconds": epochs["seconds"].sum()}
        row |= {"loss": epochs["loss"].iloc[-1], "test_images": epochs["test_images"].iloc[-1]}
        for column in ("clean_accuracy", "adversarial_accuracy"):
            row |= {column + end: value for end, value in zip(frame.ENDS, _last(epochs, column), strict=True)}
        rows.append(row)
    return pd.DataFrame(rows)


def _last(epochs: pd.DataFrame, column: str) -> tuple[float, float, float]:
    """The last accuracy that was taken, and the ends of its interval; NaN where none was."""
    taken = epochs.dropna(subset=column)
    if taken.empty:
        return share_interval(0, 0)
    last = taken.iloc[-1]
    return share_interval(round(last[column] * last["test_images"]), int(last["test_images"]))


def _line(axis: Axes, rows: pd.DataFrame, column: str, look: style.Look) -> None:
    every = max(1, len(rows) // 8)  # marks, of which the last point has one
    marks = {"marker": look.marker, "markersize": 3.5, "markevery": ((len(rows) - 1) % every, every)}
    parts = 1 if column == "loss" else 100
    axis.plot(rows["epoch"], parts * rows[column], color=look.colour, linestyle=look.dash, **marks)


def _last_ones(axis: Axes, last: pd.DataFrame, looks: dict[str, style.Look]) -> None:
    """The last accuracies, clean and attacked, the trainings side by side."""
    for place, column in enumerate(ENDS):
        for i, (label, look) in enumerate(looks.items()):
            (row,) = frame.cell(last, training=label).to_dict("records")
            x = place + (i - (len(looks) - 1) / 2) * min(0.2, 0.8 / len(looks))
            axis.vlines(x, 100 * row[f"{column}_low"], 100 * row[f"{column}_high"], color=look.colour, linewidth=0.9)
            axis.plot(x, 100 * row[column], color=look.colour, marker=look.marker, markersize=4, linestyle="")
    axis.set_title("At the end, in %", loc="left")
    axis.set_xticks(range(len(ENDS)), list(ENDS.values()))
    axis.set_xlim(-0.5, len(ENDS) - 0.5)
    axis.set_ylim(-3, 103)
    axis.grid(visible=False, axis="x")
