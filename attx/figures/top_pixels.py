"""The k largest pixels of maps, plain and diverse, before and after attacks: which stay, which stay near."""

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from attx.errors import UserError
from attx.figures import scales, style
from attx.figures.pixels import Pixels

NEEDS = "pixels"
CAPTION = (
    "The largest pixels of maps before and after an attack on them. Colours tell pixels that were picked before, "
    "pixels near one that was, and new ones; the shares below a picture are what the metrics count."
)
OF = "perturbed"  # the metric compares maps of perturbed images
KINDS = {"top_k": "top {k}", "top_k_div": "top {k}, diverse"}
SAME, NEAR, AWAY = "#0b3c6f", "#35a0f5", style.COLOURS[3]
CELL, LEFT = 1.2, 1.0  # inches: a picture, and the names left of it


@style.themed
def draw(pixels: list[Pixels], *, k: int = 1000, window: int = 3) -> Figure:
    """Draw the pixels picked on each image, in grey: a row per image, model and method, two columns per perturbation.

    On a perturbed image colours tell pixels picked on the clean one, too (their share is the intersection), pixels
    within `window` of one that was (with the former, LENS-recall), and the others; the shares stand below.
    """
    if not pixels:
        raise UserError("no pixels to draw: the list is empty")
    if window < 1 or window % 2 == 0:
        raise UserError(f"window {window}: give an odd side in pixels, such as 3")
    found = {(_row(p), _column(p)): p for p in pixels}
    rows, columns = list(dict.fromkeys(map(_row, pixels))), _columns(pixels)
    width = max(style.WIDTH, LEFT + CELL * 2 * len(columns))
    cell = min(1.7, (width - LEFT) / 2 / len(columns))
    figure, axes = style.canvas(len(rows), 2 * len(columns), panel=cell, width=width)
    shape = found[next(iter(found))].image.shape
    figure.set_figheight((cell * shape[0] / shape[1] + 0.2) * len(rows) + 0.75)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.03, wspace=0.02, hspace=0.0)
    for line, row in zip(axes, rows, strict=True):
        if (row, ("", 0.0)) not in found:
            raise UserError(f"no pixels of the clean image to compare with, of {', '.join(row)}")
        clean = found[row, ("", 0.0)]
        for pair, column in zip(np.split(line, len(columns)), columns, strict=True):
            for axis, kind in zip(pair, KINDS, strict=True):
                _picture(axis, found.get((row, column)), clean, kind, window)
        _name(line[0], row, pixels)
    for pair, column in zip(np.split(axes[0], len(columns)), columns, strict=True):
        for axis, kind in zip(pair, KINDS.values(), strict=True):
            axis.set_title(f"{_heading(*column)}\n{kind.format(k=k)}", fontsize=7)
    title = "Pixels with the largest values of a map"
    title += f"; same: intersection, near: {window}-LENS-recall@k" if len(columns) > 1 else ""
    style.legend(figure, _entries(window, len(columns) > 1), title=title)
    return figure


def _row(p: Pixels) -> tuple[str, str, str]:
    return p.model, p.image_id, p.method


def _column(p: Pixels) -> tuple[str, float]:
    return p.perturbation, float(p.epsilon) if p.perturbation else 0.0


def _columns(pixels: list[Pixels]) -> list[tuple[str, float]]:
    """The clean image, then perturbations as they come, by epsilon."""
    names = ["", *(p.perturbation for p in pixels)]
    return sorted({_column(p) for p in pixels}, key=lambda column: (names.index(column[0]), column[1]))


def _picture(axis: Axes, p: Pixels | None, clean: Pixels, kind: str, window: int) -> None:
    """The image in light grey, its picked pixels in colour, and below it the shares of those that stay."""
    axis.set_axis_off()
    if p is None:
        return
    picked = getattr(p, kind)
    shown = np.repeat(0.65 + 0.35 * p.image.mean(axis=2, keepdims=True), 3, axis=2)
    before = getattr(clean, kind)
    near = widened(before, window)
    for colour, where in ((AWAY, picked & ~near), (NEAR, picked & near), (SAME, picked & before)):
        shown[where] = to_rgb(colour)
    axis.imshow(shown, interpolation="nearest")
    if p is not clean:
        same, close = ((picked & where).sum() / max(1, picked.sum()) for where in (before, near))
        text = f"{same:.0%} same, {close:.0%} near"
        axis.text(0.5, -0.02, text, transform=axis.transAxes, ha="center", va="top", fontsize=6.5)


def widened(mask: np.ndarray, window: int) -> np.ndarray:
    """All pixels of a mask (H, W) and those within the square of side `window` around them."""
    height, width = mask.shape
    reach = window // 2
    padded = np.pad(mask, reach)
    shifts = [(y, x) for y in range(window) for x in range(window)]
    return np.logical_or.reduce([padded[y : y + height, x : x + width] for y, x in shifts])


def _name(axis: Axes, row: tuple[str, str, str], pixels: list[Pixels]) -> None:
    """Left of a row: the image's title, the method, and the model where there are several."""
    model, image_id, method = row
    title = next(p.title for p in pixels if _row(p) == row) or image_id
    lines = [textwrap.fill(title, 16, max_lines=3, placeholder=" …"), style.broken(method, 16)]
    lines += [style.broken(model, 16)] if len({p.model for p in pixels}) > 1 else []
    axis.text(-0.06, 0.5, "\n".join(lines), transform=axis.transAxes, ha="right", va="center", fontsize=7)


def _heading(perturbation: str, epsilon: float) -> str:
    return f"{style.broken(perturbation, 16)}, {scales.epsilon(epsilon)}" if perturbation else "clean"


def _entries(window: int, perturbed: bool) -> list[Patch]:
    names = {
        SAME: "picked on the clean image",
        NEAR: f"in the {window} x {window} around one that was",
        AWAY: "elsewhere",
    }
    return [Patch(color=colour, label=name) for colour, name in names.items() if perturbed or colour == SAME]
