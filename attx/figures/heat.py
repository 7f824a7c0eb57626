"""Heatmaps of numbers: cells that say their value, in a colour that the text can be read upon."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from attx.figures import style

LETTER, LINE = 0.058, 0.115  # inches: a letter of tick labels at 6.5 points, and a line


def cells(axis: Axes, values: np.ndarray, texts: np.ndarray, colours: str, limits: tuple[float, float]) -> None:
    """Fill an axis with cells coloured by `values` (rows, columns); NaN ones are grey, whatever their text."""
    palette = mpl.colormaps[colours].with_extremes(bad="0.93")
    shades = Normalize(*limits)
    axis.imshow(values, cmap=palette, norm=shades, aspect="auto", interpolation="nearest")
    filled = palette(shades(np.ma.masked_invalid(values)))
    for place, text in np.ndenumerate(texts):
        axis.text(*place[::-1], text, ha="center", va="center", fontsize=6.5, color=_ink(filled[place]))
    axis.grid(visible=False)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def _ink(colour: tuple[float, ...]) -> str:
    """Black or white, whichever has the greater contrast to a colour (relative luminance of WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return "white" if np.dot(linear, [0.2126, 0.7152, 0.0722]) < 0.179 else "black"


def outline(axis: Axes, row: int, column: int, rows: int = 1) -> None:
    """A frame around a cell, or around several `rows` of a column from `row` on."""
    place = (column - 0.5, row - 0.5)
    axis.add_patch(Rectangle(place, 1, rows, fill=False, edgecolor="black", linewidth=1.1, zorder=3, clip_on=False))


def columns(axis: Axes, names: Sequence[str], cell: float) -> float:
    """Names below columns `cell` inches wide, broken into short lines, upright where these are too wide.

    Returns how many inches they are high.
    """
    short = [style.broken(name, max(10, int(cell / LETTER))) for name in names]
    upright = max(map(_letters, short)) * LETTER > cell
    for letters in (18, 24, 36, 72) if upright else ():
        short = [style.broken(name, letters) for name in names]
        if max(map(_lines, short)) * LINE < cell:
            break
    look = {"rotation": 90, "multialignment": "right"} if upright else {}
    axis.set_xticks(range(len(names)), short, fontsize=6.5, **look)
    return max(map(_letters, short)) * LETTER if upright else max(map(_lines, short)) * LINE


def _letters(text: str) -> int:
    return max(map(len, text.split("\n")))


def _lines(text: str) -> int:
    return len(text.split("\n"))


def bar(figure: Figure, axes: np.ndarray, colours: str, limits: tuple[float, float], label: str) -> None:
    """A colour scale below `axes`."""
    shades = ScalarMappable(Normalize(*limits), mpl.colormaps[colours])
    scale = figure.colorbar(shades, ax=axes, location="bottom", shrink=0.8, aspect=40, pad=0.02)
    scale.set_label(label, fontsize=7)
    scale.outline.set_linewidth(0.5)
