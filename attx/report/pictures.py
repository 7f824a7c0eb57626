"""Pictures inside the page: figures, images and maps as WebP, and the colours that the browser gives to maps.

A map is stored in grey, from which filters of the page make the colours of `attx.figures.montage`, so that it takes
few bytes and can be looked at in several ways.
"""

import base64
import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

from attx.figures.montage import SIGNED, UNSIGNED

WIDEST = 2000  # pixels of a figure
LARGE = 300_000  # bytes of a figure from which on it is compressed with loss
STOPS = 33  # of a filter's table
NEGATIVE, POSITIVE = (33, 102, 172), (178, 24, 43)  # of maps laid over images


def figure(path: str | Path) -> tuple[str, int, int]:
    """A figure as a data URI, its width and its height."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    if picture.width > WIDEST:
        picture = picture.resize((WIDEST, round(picture.height * WIDEST / picture.width)), Image.Resampling.LANCZOS)
    found = _webp(picture, lossless=True)
    return _uri(found if len(found) < LARGE else _webp(picture, quality=85)), *picture.size


def photograph(image: np.ndarray) -> str:
    """An image (H, W, 3) in [0, 1] as a data URI."""
    return _uri(_webp(Image.fromarray(_bytes(image)), quality=85))


def grey(scaled: np.ndarray, signed: bool) -> str:
    """A map (H, W) as a data URI: -1 to 1 as black to white where it has signs, else 0 to 1."""
    values = (scaled + 1) / 2 if signed else scaled
    return _uri(_webp(Image.fromarray(_bytes(values)).convert("RGB"), quality=80))


def where(values: np.ndarray) -> list[int]:
    """Of a map (H, W), in percent: centre of the mass of |values| from the left and top, and of pixels with half of it.

    The latter: the fewest pixels that have half of all mass.
    """
    mass = np.abs(values).astype(np.float64)
    total = mass.sum()
    if not total:
        return [50, 50, 50]
    centre = [
        np.average((np.arange(n) + 0.5) / n, weights=mass.sum(axis))
        for axis, n in ((0, mass.shape[1]), (1, mass.shape[0]))
    ]
    largest = np.sort(mass, axis=None)[::-1].cumsum()
    half = (np.searchsorted(largest, total / 2) + 1) / mass.size
    return [round(100 * share) for share in (*centre, half)]


def filters() -> list[dict]:
    """SVG filters that colour grey maps: {id, r, g, b} with values of each channel, and {a} of those laid over images.

    `signed` and `unsigned` as in montages, `magnitude` of maps with signs as of such without; `over-...` likewise.
    """
    grid = np.linspace(0, 1, STOPS)
    size = np.abs(2 * grid - 1)
    red, blue = ([c / 255 for c in colour] for colour in (POSITIVE, NEGATIVE))
    dark = mpl.colormaps[UNSIGNED[0]](0.85)[:3]
    found = {
        "signed": (mpl.colormaps[SIGNED[0]](grid), None),
        "magnitude": (mpl.colormaps[UNSIGNED[0]](size), None),
        "unsigned": (mpl.colormaps[UNSIGNED[0]](grid), None),
        "over-signed": (np.where(grid[:, None] >= 0.5, red, blue), size**0.7),
        "over-magnitude": (np.tile(dark, (STOPS, 1)), size**0.7),
        "over-unsigned": (np.tile(dark, (STOPS, 1)), grid**0.7),
    }
    return [
        {"id": name}
        | dict(zip("rgb", map(_values, colours.T[:3]), strict=True))
        | ({} if alpha is None else {"a": _values(0.92 * alpha)})
        for name, (colours, alpha) in found.items()
    ]


def gradient(kind: str) -> str:
    """A scale from left to right in the colours of maps, for CSS."""
    palette, _ = SIGNED if kind == "signed" else UNSIGNED
    return (
        f"linear-gradient(to right, {', '.join(map(mpl.colors.to_hex, mpl.colormaps[palette](np.linspace(0, 1, 11))))})"
    )


def _values(channel: np.ndarray) -> str:
    return " ".join(f"{value:.3g}" for value in channel)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _webp(picture: Image.Image, **how: object) -> bytes:
    held = io.BytesIO()
    picture.save(held, "WEBP", method=6, **how)
    return held.getvalue()


def _uri(content: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(content).decode()}"
