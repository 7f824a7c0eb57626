"""Axes of values: logarithmic ones, and ticks where the values are, written as the field writes them."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes

LETTER = 0.062  # inches: a letter of tick labels


def logarithmic(axis: Axes, values: Iterable[float]) -> None:
    """Make the x axis logarithmic; where some of `values` are 0, it is linear from 0 to the least of the others."""
    values = np.asarray(list(values), dtype=float)
    if (values > 0).all():
        axis.set_xscale("log")
    else:
        axis.set_xscale("symlog", linthresh=values[values > 0].min(initial=1.0), linscale=0.4)
    axis.xaxis.set_major_formatter(lambda x, _: f"{x:g}")
    axis.minorticks_off()


def is_wide(values: Iterable[float]) -> bool:
    """Whether positive values span more than a decade, so that a linear axis would hide the small ones."""
    positive = np.asarray(list(values), dtype=float)
    positive = positive[positive > 0]
    return (np.asarray(list(values)) >= 0).all() and len(positive) > 1 and positive.max() > 10 * positive.min()


def of_255(value: float, *, parts: int = 1) -> float | None:
    """k if `value` is k/255 with k a whole number of `parts`-ths, to the rounding of float32; else None."""
    k = round(255 * value * parts) / parts
    return k if abs(255 * value - k) < 1e-4 else None


def change(value: float) -> str:
    """A change of pixel values as the field writes it: `16/255`, `1.6/255`, else `0.0412`."""
    k = of_255(value, parts=10)
    return f"{value:.3g}" if k is None else f"{k:g}/255"


def epsilons(values: Iterable[float]) -> tuple[list[str], str]:
    """Budgets as text, and their unit: whole parts of 255 and `/255`, or, where one is none, decimals and none.

    Decimals, too, where two digits say each of them, such as 0.2, which is 51/255.
    """
    values = list(values)
    whole = [of_255(value) for value in values]
    if None in whole or all(abs(value - round(value, 2)) < 1e-6 for value in values):
        return [f"{value:.4g}" for value in values], ""
    return [f"{k:g}" for k in whole], "/255"


def epsilon(value: float) -> str:
    """One budget as text: `8/255`, `0.3`."""
    (text,), unit = epsilons([value])
    return text + unit


def ticks(
    axis: Axes, places: Sequence[float], labels: Sequence[str], inches: float, *, all_shown: bool = False
) -> None:
    """Ticks on an x axis some `inches` long, whose limits must be final, labelled as far as there is room.

    With `all_shown` the labels stand upright where they would not all fit.
    """
    corner = axis.get_ylim()[0]
    shown, end = [], -np.inf
    for place, label in zip(places, labels, strict=True):
        across = axis.transLimits.transform(axis.transScale.transform((place, corner)))[0] * inches
        half = LETTER * len(label) / 2
        fits = across - half > end
        shown.append(label if fits else "")
        end = across + half + 0.05 if fits else end
    upright = all_shown and "" in shown
    axis.set_xticks(places, labels if upright else shown)
    axis.tick_params(axis="x", labelrotation=90 if upright else 0)
    axis.minorticks_off()
