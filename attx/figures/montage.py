"""Heatmaps side by side: a row per image (and model), a column per method."""

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from attx.errors import UserError
from attx.figures import style
from attx.figures.gallery import Gallery

NEEDS = "gallery"
CAPTION = (
    "Images and their maps by method. Red speaks for the class that is named, blue against it; maps without a sign "
    "are purple. Each map has a scale of its own, so compare where maps point, not how strongly."
)
# red for, blue against, apart for the colour-blind too; where no map of a method has a sign, one colour of its own
SIGNED, UNSIGNED = ("RdBu_r", (-1, 1)), ("Purples", (0, 1))
CELL = 0.84  # inches


@style.themed
def draw(gallery: Gallery, *, percentile: float = 99.0) -> Figure:
    """Draw each image beside its maps. A map's colours reach to the `percentile` of its absolute values; 0 is white.

    So maps can be compared in where they point, not in size. A map that is missing leaves its place empty.
    """
    if not gallery.images or not gallery.maps:
        raise UserError("no maps to draw: the gallery has no images, or no method has a map of them")
    models = list(dict.fromkeys(model for model, _ in gallery.maps))
    methods = list(style.looks(method for _, method in gallery.maps))
    palettes = {method: palette(gallery, method) for method in methods}
    rows = [(model, image_id) for model in models for owner, image_id in gallery.images if owner == model]
    width = max(style.WIDTH, 1.1 + CELL * (1 + len(methods)))
    cell = (width - 1.1) / (1 + len(methods))
    figure, axes = style.canvas(len(rows), 1 + len(methods), panel=cell, width=width)
    # titles above each model's rows, scales below all
    figure.set_figheight(cell * len(rows) + 0.35 * len(models) + 0.55 + 0.12 * (len(set(palettes.values())) > 1))
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.04, wspace=0.02, hspace=0.02)
    for i, (row, (model, image_id)) in enumerate(zip(axes, rows, strict=True)):
        _photograph(row[0], gallery, model, image_id)
        for axis, method in zip(row[1:], methods, strict=True):
            found = gallery.maps.get((model, method), {}).get(image_id)
            _heatmap(axis, found, percentile, palettes[method])
        if i == 0 or rows[i - 1][0] != model:
            row[0].set_title(style.broken(model), fontsize=7, fontweight="bold")
            for axis, method in zip(row[1:], methods, strict=True):
                axis.set_title(style.broken(method), fontsize=7)
    _scales(figure, axes, percentile, set(palettes.values()))
    return figure


def _photograph(axis: Axes, gallery: Gallery, model: str, image_id: str) -> None:
    axis.set_axis_off()
    axis.imshow(gallery.images[model, image_id])
    label = textwrap.fill(gallery.titles.get((model, image_id), image_id), 16, max_lines=4, placeholder=" …")
    axis.text(-0.06, 0.5, label, transform=axis.transAxes, ha="right", va="center", fontsize=7)


def palette(gallery: Gallery, method: str) -> tuple[str, tuple[float, float]]:
    """Colours and what they span: signed, unless no map of the method has a value below 0."""
    lowest = [m.min() for (_, name), maps in gallery.maps.items() if name == method for m in maps.values()]
    return SIGNED if min(lowest, default=0) < 0 else UNSIGNED


def _heatmap(axis: Axes, values: np.ndarray | None, percentile: float, palette: tuple) -> None:
    axis.set_axis_off()
    if values is not None:
        colours, (low, high) = palette
        axis.imshow(scaled(values, percentile), cmap=colours, vmin=low, vmax=high)


def scaled(values: np.ndarray, percentile: float = 99.0) -> np.ndarray:
    """A map divided by the `percentile` of its absolute values, so that colours reach from -1 to 1."""
    return values / (np.percentile(np.abs(values), percentile) or np.abs(values).max() or 1.0)


def _scales(figure: Figure, axes: np.ndarray, percentile: float, palettes: set) -> None:
    """A scale below all maps, or two side by side where some methods have a sign and others none."""
    shown = [palette for palette in (SIGNED, UNSIGNED) if palette in palettes]
    kinds = ("Attribution",) if len(shown) == 1 else ("Blue to red: maps with a sign", "White to purple: maps without")
    for (colours, limits), kind, part in zip(shown, kinds, np.array_split(axes, len(shown), axis=1), strict=True):
        scale = {"location": "bottom", "shrink": 0.4 * len(shown), "aspect": 40, "pad": 0.02, "ticks": [*{*limits, 0}]}
        bar = figure.colorbar(ScalarMappable(Normalize(*limits), colours), ax=part, **scale)
        reach = f"(1 = {percentile:g}th percentile of each map's |values|)"
        label = f"{kind} {reach}" if len(shown) == 1 else f"{kind}\n{textwrap.fill(reach, 28)}"
        bar.set_label(label, fontsize=7)
        bar.outline.set_linewidth(0.5)
