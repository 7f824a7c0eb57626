"""Insertion and deletion curves: means over the images with 95% bands, by method."""

from itertools import chain

import pandas as pd
from matplotlib.figure import Figure

from attx.errors import unknown
from attx.figures import curve, frame, style

NEEDS = "scores"
CURVES = True
CAPTION = (
    "Probability of the class explained while pixels are inserted or deleted in the order of the map, the mean over "
    "the images with 95% bands. A faithful map makes the insertion curve rise early and the deletion "
    "curve fall early; the controls in grey say what maps reach that look at no model."
)
KINDS = {"insertion": "inserted", "deletion": "deleted"}
# What a step takes depends on the metric's order: by channel_union, more pixels are shown than steps are taken.
SHARES = {
    "": "Fraction of steps",
    "rise_2d": "Fraction of pixels {done}",
    "channel_union": "Fraction of steps (more pixels are {done})",
    "flat_3hw": "Fraction of channel values {done}",
}


@style.themed
def draw(
    scores: pd.DataFrame,
    *,
    order: str = "",
    bands: bool = True,
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> Figure:
    """Draw `insertion_curve` and `deletion_curve` of `scores`: a column of panels per model, two rows per postprocess.

    With one model the two kinds stand side by side. `order` is the metric's and says what the x axis counts.
    """
    if order not in SHARES:
        raise unknown("order", order, filter(None, SHARES))
    needs = [f"{kind}_curve" for kind in KINDS]
    scores = frame.keep(scores, needs=needs, model=models, method=methods, postprocess=postprocess)
    several = scores["postprocess"].nunique() > 1
    panels, looks = curve.panels(scores, KINDS), style.looks(scores["method"])
    columns = len(panels[0])
    figure, axes = style.canvas(len(panels), columns, panel=1.9, width=style.wide(columns), sharey=True)
    for axis, (kind, model, reading) in zip(axes.flat, chain(*panels), strict=True):
        rows = frame.cell(scores, model=model, postprocess=reading)
        curve.means(axis, rows, f"{kind}_curve", looks, bands=bands)
        axis.set_ylim(bottom=0)
        style.title(axis, model, kind, reading if several else "")
        axis.set_xlabel(SHARES[order].format(done=KINDS[kind]))
    for axis in axes[:, 0]:
        axis.set_ylabel("Probability of the class")
    band = f"; band: {frame.interval_of(scores)}" if bands else ""
    style.legend(figure, style.lines(looks), title=f"Mean of {frame.sample(scores)}{band}")
    return figure
