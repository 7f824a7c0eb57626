"""Model randomisation: how alike a map stays while ever more layers get random weights, by method."""

from itertools import chain

import pandas as pd
from matplotlib.figure import Figure

from attx.figures import curve, frame, style

NEEDS = "scores"
CURVES = True
CAPTION = (
    "How alike a map stays to itself while ever more layers of the model get random weights, from the output "
    "downwards. A map that explains the model must change: a curve that stays high speaks of the image alone, as an "
    "edge filter does."
)
KINDS = {"similarity_curve": "values", "absolute_similarity_curve": "absolute values"}


@style.themed
def draw(
    scores: pd.DataFrame,
    *,
    bands: bool = True,
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> Figure:
    """Draw the curves that the metric model_randomisation gave: a column of panels per model, two rows per postprocess.

    With one model the two kinds (of the maps' values, of their absolute values) stand side by side.
    """
    scores = frame.keep(scores, needs=list(KINDS), model=models, method=methods, postprocess=postprocess)
    several = scores["postprocess"].nunique() > 1
    panels, looks = curve.panels(scores, KINDS), style.looks(scores["method"])
    columns = len(panels[0])
    width = style.wide(columns)
    figure, axes = style.canvas(len(panels), columns, panel=2.0, width=width, sharex=True, sharey=True)
    for axis, (kind, model, reading) in zip(axes.flat, chain(*panels), strict=True):
        rows = frame.cell(scores, model=model, postprocess=reading)
        axis.axhline(0, color="0.6", linewidth=0.7)
        curve.means(axis, rows, kind, looks, bands=bands, marked=True)
        axis.set_xticks([0, 0.25, 0.5, 0.75, 1])
        axis.xaxis.set_major_formatter("{x:.0%}")
        axis.set_ylim(top=1)
        style.title(axis, model, KINDS[kind], reading if several else "")
    for axis in axes[-1]:
        axis.set_xlabel("Layers randomised, last first")
    for axis in axes[:, 0]:
        axis.set_ylabel("Rank correlation with the map")
    band = f"; band: {frame.interval_of(scores)}" if bands else ""
    style.legend(figure, style.lines(looks, marked=True), title=f"Mean of {frame.sample(scores)}{band}")
    return figure
