"""How every figure looks: sizes for print, type, colours that the colour-blind can tell apart, and how it is saved."""

import functools
import itertools
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from attx.files import atomic

WIDTH = 7.0  # inches: the text width of a page of two columns
RC = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("paper"),
    "font.size": 8,
    "text.parse_math": False,  # a $ in a name or a note is a $
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "legend.title_fontsize": 7.5,
    "legend.frameon": False,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "grid.linewidth": 0.6,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "lines.linewidth": 1.3,
    "lines.markersize": 5,
    "hatch.linewidth": 0.6,
    "pdf.fonttype": 42,  # embedded TrueType, which journals ask for
}
# seaborn's colour-blind palette (Wong 2011) without what is too light on paper; its grey is left to the controls
COLOURS = [sns.color_palette("colorblind").as_hex()[i] for i in (0, 1, 2, 3, 4, 9, 5)]
MARKERS = "osD^vPX<>p*"
DASHES = ["-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1))]
CONTROLS = {
    "edges": ("#4d4d4d", "h", (0, (5, 2))),
    "random": ("#949494", "d", (0, (1, 1.5))),
    "random_sign": ("#6e6e6e", "d", (0, (1, 1))),  # of attacks on attributions
}
# A method keeps its look in every figure of every run by its place here; new ones go to the end.
METHODS = (
    "attexplore",
    "saliency_gradient",
    "integrated_gradients",
    "smoothgrad",
    "agi",
    "mfaba",
    "big",
    "guided_ig",
    "fast_ig",
    "deeplift",
    "expected_gradients",
    "saliency_map",
    "gradcam",
    "la",
    "attens",
    "input_x_gradient",
    "lrp",
    "gradient_shap",
    "learned_order",
)
ATTACKS = ("topk", "lens", "mass_center", "target")  # on attributions; so do they


class Look(NamedTuple):
    """Colour, marker and line of a method, or of what else is told apart."""

    colour: str
    marker: str
    dash: str | tuple


def looks(methods: Iterable[str], known: Sequence[str] = METHODS) -> dict[str, Look]:
    """The look of each method, in drawing order: `known` ones by their place, others by name, controls in grey last.

    Unknown labels take what the known ones present leave, unused colours first, so no two of 28 methods look the same.
    """
    present = set(methods)
    places = {m: i for i, m in enumerate(known) if m in present}
    n = len(COLOURS)
    worn = {place % n for place in places.values()}
    free = [i for i in range(n * len(DASHES)) if i not in places.values()]
    free.sort(key=lambda i: (i % n in worn, i))
    places |= dict(zip(sorted(present - set(known) - set(CONTROLS)), itertools.cycle(free), strict=False))
    found = {m: Look(COLOURS[i % n], MARKERS[i % len(MARKERS)], DASHES[i // n]) for m, i in places.items()}
    return found | {m: Look(*CONTROLS[m]) for m in CONTROLS if m in present}


def themed(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw under this style, and leave the caller's matplotlib as it was."""

    @functools.wraps(draw)
    def drawn(*args, **kwargs) -> Figure:
        with mpl.rc_context(RC):
            return draw(*args, **kwargs)

    return drawn


def canvas(rows: int, columns: int, *, panel: float, width: float = WIDTH, **shared) -> tuple[Figure, np.ndarray]:
    """A figure `width` inches wide and its axes (rows, columns), each `panel` inches high; no pyplot, so no windows."""
    figure = Figure(figsize=(width, panel * rows + 0.6), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def wide(columns: int, panel: float = 1.9) -> float:
    """The width of a figure whose panels are to be at least so wide: the text's, or more for many columns."""
    return max(WIDTH, 0.6 + panel * columns)


def broken(name: str, letters: int = 13) -> str:
    """A label broken into short lines at its underscores, hyphens and dots."""
    return (
        name
        if len(name) <= letters
        else re.sub(r"(?<=[_.-]) ", "", textwrap.fill(re.sub(r"([_.-])", r"\1 ", name), letters))
    )


def title(axis: Axes, model: str, *rest: str) -> None:
    """Name a panel by its model and what else sets it apart, on two lines where one is too narrow."""
    columns = axis.get_subplotspec().get_gridspec().ncols
    letters = 15 * (axis.get_figure().get_figwidth() - 0.6) / columns  # some 15 to the inch
    more = ", ".join(filter(None, rest))
    line = ": ".join(filter(None, [model, more]))
    if len(line) > letters:
        line = "\n".join(filter(None, [broken(model, int(letters)), more]))
    axis.set_title(line, loc="left")


def lines(looks: dict[str, Look], *, marked: bool = False) -> list[Line2D]:
    """Legend entries of methods drawn as lines, `marked` at their points or not."""
    marks = {m: {"marker": look.marker} if marked else {} for m, look in looks.items()}
    return [Line2D([], [], color=look.colour, linestyle=look.dash, label=m, **marks[m]) for m, look in looks.items()]


def points(looks: dict[str, Look]) -> list[Line2D]:
    """Legend entries of methods drawn as points."""
    return [Line2D([], [], color=look.colour, marker=look.marker, linestyle="", label=m) for m, look in looks.items()]


def legend(figure: Figure, entries: list[Artist], *, title: str) -> None:
    """Labelled entries below all panels, under a title that says what the marks are; the figure grows by its height."""
    columns = _columns([len(entry.get_label()) for entry in entries], figure.get_figwidth())
    figure.set_figheight(figure.get_figheight() + 0.16 * -(-len(entries) // columns))
    figure.legend(handles=entries, loc="outside lower center", ncols=columns, title=title, handlelength=2.6)


def _columns(letters: list[int], width: float) -> int:
    """As many columns as fit into a legend so wide, of labels with so many letters."""
    for columns in range(len(letters), 1, -1):
        if sum(0.62 + 0.058 * max(part) for part in np.array_split(letters, columns)) < width:
            return columns
    return 1


def save(figure: Figure, path_pdf: str | Path, path_png: str | Path, note: str = "") -> None:
    """Write a figure as PDF and PNG (300 dpi), whole or not at all; a `note` is added, small, at the bottom.

    The files carry no dates: the same figure gives the same bytes.
    """
    if note:
        _add_note(figure, note)
    for path, options in ((path_pdf, {"metadata": {"CreationDate": None}}), (path_png, {"dpi": 300})):
        with mpl.rc_context(RC), atomic(path) as temporary:
            figure.savefig(temporary, **options)


def _add_note(figure: Figure, note: str) -> None:
    """Make room for a line below all else, which constrained layout doesn't do for text."""
    line = 0.17
    height = figure.get_figheight() + line
    figure.set_figheight(height)
    figure.get_layout_engine().set(rect=(0, line / height, 1, 1 - line / height))
    for legend in figure.legends:  # they hang on the figure's edge, whatever the layout's
        legend.borderaxespad += 72 * line / legend.prop.get_size_in_points()
    look = {"ha": "center", "va": "bottom", "fontsize": 7, "style": "italic", "color": "0.3"}
    figure.text(0.5, 0.04 / height, note, parse_math=False, **look)
