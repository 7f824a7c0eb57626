"""What the page's gallery shows of a data set: images, maps, scores and curves, as data for its script."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from attx.figures import frame, montage, style
from attx.figures.curves import KINDS, SHARES
from attx.figures.gallery import Gallery
from attx.predictions import Prediction
from attx.report import pictures
from attx.tables import score_columns

MOST = 10_000_000  # bytes of all images and maps
POINTS = 113  # of a curve
SHOWN = 6  # scores
ARROWS = {"higher": "↑", "lower": "↓", "": ""}


def model(found: Gallery, name: str, ids: Sequence[str], known: Mapping[str, Prediction]) -> dict:
    """A model's images and maps, in the order of `ids`, None where there is none: {name, seen, methods}."""
    methods = style.looks(method for _, method in found.maps)
    return {
        "name": name,
        "seen": [_seen(found, name, i, known[i]) if (name, i) in found.images else None for i in ids],
        "methods": [_maps(found, name, method, ids) for method in methods],
    }


def _seen(found: Gallery, name: str, image_id: str, said: Prediction) -> dict:
    image, classes = found.images[name, image_id], found.classes[name]
    called = {
        key: classes[number] if number < len(classes) else f"class {number}"
        for key, number in (("label", said.label), ("predicted", said.predicted))
    }
    explained = found.titles.get((name, image_id), "")
    return {
        "src": pictures.photograph(image),
        "probability": round(said.probability, 3),
        "explained": explained,
    } | called


def _maps(found: Gallery, name: str, method: str, ids: Sequence[str]) -> dict:
    held = found.maps[name, method]
    signed = montage.palette(found, method) == montage.SIGNED
    maps = [
        {"src": pictures.grey(montage.scaled(held[i]), signed), "where": pictures.where(held[i])} if i in held else None
        for i in ids
    ]
    return {"name": method, "signed": signed, "maps": maps}


def join(one: dict, other: dict) -> None:
    """Add to a model's images and methods those that another group of its maps has."""
    one["seen"] = [a or b for a, b in zip(one["seen"], other["seen"], strict=True)]
    have = {method["name"] for method in one["methods"]}
    one["methods"] += [method for method in other["methods"] if method["name"] not in have]


def fewer(models: list[dict], most: int) -> int:
    """How many of the images fit, with their maps, into so many bytes; one at least."""
    count = len(models[0]["seen"]) if models else 0
    sizes = np.zeros(count, int)
    for each in models:
        for pictured in (each["seen"], *(method["maps"] for method in each["methods"])):
            sizes += [len(one["src"]) if one else 0 for one in pictured]
    return max(1, int((sizes.cumsum() <= most).sum()))


def cut(models: list[dict], count: int) -> None:
    """Leave the first `count` images of all models."""
    for each in models:
        each["seen"] = each["seen"][:count]
        for method in each["methods"]:
            method["maps"] = method["maps"][:count]


def scores(metric: str, table: pd.DataFrame, ids: Sequence[str], order: str) -> list[dict]:
    """Of each reading that a metric scored: scores and curves by model, method and image; none of perturbed images."""
    if "perturbation" in table or table.empty:
        return []
    columns = list(score_columns(table))[:SHOWN]
    curves = [c for c in table.columns if c.endswith("_curve")]
    return [
        {
            "metric": metric,
            "reading": reading,
            "columns": [{"name": frame.short(c), "way": ARROWS[frame.better(c)]} for c in columns],
            "curves": [_axis(c, order) for c in curves],
            "values": _nested(rows, ids, lambda row: [_round(row[c]) for c in columns]),
            "points": _nested(rows, ids, lambda row: [_thin(row[c]) for c in curves]) if curves else {},
        }
        for reading, rows in table.groupby("postprocess", sort=False)
    ]


def _nested(rows: pd.DataFrame, ids: Sequence[str], value) -> dict:
    found: dict = {}
    for row in rows.to_dict("records"):
        by_method = found.setdefault(row["model"], {})
        by_method.setdefault(row["method"], [None] * len(ids))[ids.index(row["image_id"])] = value(row)
    return found


def _axis(column: str, order: str) -> dict:
    """What a curve is called, and its x axis."""
    kind = column.removesuffix("_curve")
    if kind in KINDS:
        return {"name": f"{kind.capitalize()} curve", "x": SHARES[order].format(done=KINDS[kind]), "y": "Probability"}
    return {"name": frame.short(kind), "x": "Fraction of steps", "y": frame.short(kind)}


def _thin(curve: np.ndarray) -> list[float]:
    every = np.linspace(0, len(curve) - 1, min(len(curve), POINTS)).round().astype(int)
    return [_round(curve[i]) for i in every]


def _round(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None


def looks(methods: Sequence[str]) -> dict[str, dict]:
    """Colour and dashes of each method, as in the figures."""
    dashed = {name: look.dash for name, look in style.looks(methods).items()}
    return {
        name: {
            "colour": look.colour,
            "dash": "" if dashed[name] == "-" else " ".join(f"{2 * d:g}" for d in dashed[name][1]),
        }
        for name, look in style.looks(methods).items()
    }
