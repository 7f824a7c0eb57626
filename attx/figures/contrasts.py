"""What windows, diversity, training and attacks change in the robustness of maps: paired differences over images."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attx import statistics
from attx.figures import differences, frame, robustness_curves, style
from attx.figures.differences import Contrast

NEEDS = "scores"
CAPTION = (
    "Paired differences on the same images: right of the line at 0 the first of the two compared is higher. An "
    "interval (95%) that does not reach the line shows a difference that these images can tell from none."
)
OF = "perturbed"  # the metric compares maps of perturbed images
ROW = 0.15  # inches a method
LETTERS = 15  # to the inch
TEXT = {"ha": "center", "va": "center", "fontsize": 6.5}


@style.themed
def draw(
    scores: pd.DataFrame,
    *,
    contrasts: list | None = None,
    values: list | None = None,
    perturbations: list | None = None,
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> Figure:
    """Draw a column of panels per contrast and score, a row per model and postprocess; controls come last, in grey.

    Marks: mean differences, with 95% intervals, a colour per perturbation, each at its largest epsilon. `contrasts`
    (None: all that the table allows): window: LENS-recall minus intersection; diversity: LENS-recall of k-div minus
    that of k; training: the model minus the first; attack: the perturbation minus random_sign. `values`: score columns
    of the last two (None: intersection and LENS-recall), whose windows are those of the first two.
    """
    wanted = {"perturbation": perturbations, "method": methods, "postprocess": postprocess}
    shown, found = _found(scores, contrasts, values, models, **wanted)
    looks = style.looks(found["perturbation"], style.ATTACKS)
    rows = list(style.looks(found["method"]))
    blocks = list(dict.fromkeys(zip(found["model"], found["postprocess"], strict=True)))
    several = found["postprocess"].nunique() > 1
    names = ["\n".join(style.broken(name, 16) for name in block[: 1 + several]) for block in blocks]
    width, high = style.wide(len(shown), 0.95), max(len(line) for name in names for line in name.split("\n"))
    shape = {"panel": 0.2 + max(ROW * len(rows), high / LETTERS), "width": width}
    figure, grid = style.canvas(len(blocks), len(shown), **shape, sharex="col", sharey=True)
    letters = int(LETTERS * ((width - 1.5) / len(shown) - 0.1))
    for axes, block, name in zip(grid, blocks, names, strict=True):
        _row(axes, frame.cell(found, model=block[0], postprocess=block[1]), shown, rows, looks)
        axes[0].set_ylabel(name)
        for axis, contrast in zip(axes, shown, strict=True):
            if contrast.name == "training" and contrast.minus == block[0]:
                axis.text(0.5, 0.5, "what is\nsubtracted", transform=axis.transAxes, **TEXT)
    formulas = [_formula(contrast, letters) for contrast in shown]
    for column, contrast, formula in zip(grid.T, shown, formulas, strict=True):
        column[0].set_title(contrast.name.capitalize(), loc="left")
        column[-1].set_xlabel(formula)
    _same_scales(grid[0], shown)
    figure.set_figheight(figure.get_figheight() + 0.12 * max(line.count("\n") for line in formulas) + 0.25)
    style.legend(figure, style.points(looks), title=_title(found))
    return figure


def table(
    scores: pd.DataFrame,
    *,
    contrasts: list | None = None,
    values: list | None = None,
    perturbations: list | None = None,
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> pd.DataFrame:
    """A row per contrast, score (`minus`: what is subtracted), data, model, method, postprocess and perturbation.

    `images` (those that both sides have), and the mean `difference` over them with its 95% interval.
    """
    wanted = {"perturbation": perturbations, "method": methods, "postprocess": postprocess}
    return _found(scores, contrasts, values, models, **wanted)[1]


def _found(
    scores: pd.DataFrame, contrasts: list | None, values: list | None, models: list | None, **wanted: list | None
) -> tuple[list[Contrast], pd.DataFrame]:
    """The contrasts to be shown, and the table of them."""
    frame.require(scores, robustness_curves.COLUMNS)
    scores = frame.keep(scores, needs=values or [], model=models, **wanted)
    models = models or frame.levels(scores, "model")
    shown = differences.contrasts(scores, contrasts, values, models[0])
    return shown, differences.table(scores, shown, models)


def _row(
    axes: np.ndarray, found: pd.DataFrame, shown: list[Contrast], methods: list[str], looks: dict[str, style.Look]
) -> None:
    """The panels of one model and postprocess."""
    for axis, contrast in zip(axes, shown, strict=True):
        _panel(axis, frame.cell(found, contrast=contrast.name, score=contrast.score), methods, looks)
    for label, method in zip(axes[0].get_yticklabels(), methods, strict=True):
        label.set_color("0.45" if method in style.CONTROLS else "black")


def _panel(axis: Axes, found: pd.DataFrame, methods: list[str], looks: dict[str, style.Look]) -> None:
    size = 1 / (len(looks) + 0.7)
    for place, (name, look) in enumerate(looks.items()):
        rows = frame.cell(found, perturbation=name)
        y = np.array([methods.index(method) for method in rows["method"]]) + (place - (len(looks) - 1) / 2) * size
        mean, low, high = (rows[f"difference{end}"] for end in frame.ENDS)
        axis.hlines(y, low, high, color=look.colour, linewidth=0.9)
        axis.plot(mean, y, color=look.colour, marker=look.marker, linestyle="", markersize=3)
    controls = [place for place, method in enumerate(methods) if method in style.CONTROLS]
    axis.axvline(0, color="0.4", linewidth=0.8, zorder=0.9)
    axis.set_yticks(range(len(methods)), methods)
    axis.set_ylim(len(methods) - 0.5, -0.5)
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
    for place in controls:
        axis.axhspan(place - 0.5, place + 0.5, color="0.95", zorder=0)


def _same_scales(axes: np.ndarray, shown: list[Contrast]) -> None:
    """Panels of one contrast get one scale where all their scores are shares."""
    for name in {contrast.name for contrast in shown}:
        alike = [i for i, contrast in enumerate(shown) if contrast.name == name]
        if all(frame.is_share(shown[i].score) for i in alike):
            lows, highs = zip(*(axes[i].get_xlim() for i in alike), strict=True)
            for i in alike:
                axes[i].set_xlim(min(lows), max(highs))


def _formula(contrast: Contrast, letters: int) -> str:
    """What is subtracted from what, in lines of so many letters."""
    other = {"training": "that of ", "attack": "that under "}.get(contrast.name, "") + frame.short(contrast.minus)
    parts = (textwrap.wrap(text, letters) for text in (frame.short(contrast.score), f"− {other}"))
    return "\n".join(style.broken(line, letters) for lines in parts for line in lines)


def _title(found: pd.DataFrame) -> str:
    """What the marks are, of how many images of what, and at which epsilon, if it is one."""
    low, high = found["images"].min(), found["images"].max()
    count = f"{low}" if low == high else f"{low} to {high}"
    title = f"Mean paired difference over {count} images of {', '.join(frame.levels(found, 'data'))}"
    epsilons = frame.levels(found, "epsilon")
    title += f" at epsilon {epsilons[0]}" if len(epsilons) == 1 else ", each perturbation at its largest epsilon"
    return f"{title}; line: 95% {statistics.kind(low, high)} interval"
