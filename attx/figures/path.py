"""The path of an attack, drawn from real images: its loss and the probability of the class explained, step by step."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attx.figures import frame, scales, style

NEEDS = "trace"
CAPTION = (
    "What the model says along the path of the attack that a method sums gradients over: loss, and probability of "
    "the class explained. Thick lines are means over the images, thin ones single images."
)
COLUMNS = ["image_id", "data", "model", "method", "step", "loss", "probability", "distance", "title"]
PANELS = {"loss": "Loss that the attack follows", "probability": "Probability of the class explained"}


@style.themed
def draw(source: pd.DataFrame, *, each: bool = True) -> Figure:
    """Draw what happens along the path: the mean of each method and, thin, `each` image; a row of panels per model.

    Where paths differ in length, the x axis is the fraction of the path. How far they lead is written below.
    """
    source = frame.require(source, COLUMNS)
    models, looks = frame.levels(source, "model"), style.looks(source["method"])
    lengths = source.groupby("method")["step"].max()
    alike = lengths.nunique() == 1
    along = source["step"] if alike else source["step"] / source["method"].map(lengths).clip(lower=1)
    source = source.assign(along=along)
    figure, axes = style.canvas(len(models), len(PANELS), panel=2.1, sharex=True)
    for row, model in zip(axes, models, strict=True):
        for axis, (column, label) in zip(row, PANELS.items(), strict=True):
            for method, look in looks.items():
                _lines(axis, frame.cell(source, model=model, method=method), column, look, each)
            axis.set_ylabel(label)
            axis.margins(x=0.02)
            style.title(axis, model)
        row[1].set_ylim(-0.03, 1.03)
    begin = "the image" if not source.loc[source["step"] == 0, "distance"].any() else "the start"
    for axis in axes[-1]:
        axis.set_xlabel(f"{'Step along' if alike else 'Fraction of'} the path (0: {begin})")
    extents = {method: _extent(frame.cell(source, method=method)) for method in looks}
    same = len(set(extents.values())) == 1
    labels = {method if same else f"{method}: {extents[method]}": look for method, look in looks.items()}
    title = f"Mean of {frame.sample(source, ['model', 'method'])}{_classes(source)}"
    title += f"; {next(iter(extents.values()))}" if same else ""
    title += "; thin: each image" if each and source["image_id"].nunique() > 1 else ""
    style.legend(figure, style.lines(labels, marked=True), title=title)
    return figure


def _lines(axis: Axes, rows: pd.DataFrame, column: str, look: style.Look, each: bool) -> None:
    images = [image.sort_values("along") for _, image in rows.groupby("image_id", sort=False)]
    shade = min(0.5, max(0.12, 4 / max(1, len(images))))
    for image in images if each and len(images) > 1 else ():
        axis.plot(image["along"], image[column], color=look.colour, linewidth=0.6, alpha=shade, zorder=1)
    mean = rows.groupby("along")[column].mean()
    line = {"linestyle": look.dash, "marker": look.marker, "markersize": 3.5, "linewidth": 1.8}
    axis.plot(mean.index, mean, color=look.colour, **line)


def _extent(rows: pd.DataFrame) -> str:
    """`10 steps to 16/255`: how many steps, and the largest change of a value."""
    return f"{rows['step'].max()} steps to {scales.change(rows['distance'].max())}"


def _classes(source: pd.DataFrame) -> str:
    """The classes of the images, where they are few and short: ` (tabby, lighthouse)`."""
    names = ", ".join(dict.fromkeys(title.split(",")[0] for title in source["title"]))
    return f" ({names})" if len(names) < 60 else ""
