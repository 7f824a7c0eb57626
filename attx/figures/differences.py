"""Paired differences over images of how alike maps stay: between scores, models or perturbations."""

from typing import NamedTuple

import pandas as pd

from attx.errors import UserError, unknown
from attx.figures import frame, scales
from attx.statistics import mean_interval

KEYS = ["data", "model", "method", "postprocess", "perturbation", "epsilon"]
CONTROL = "random_sign"  # the perturbation that aims at nothing
SIDES = {"window": "score", "diversity": "score", "training": "model", "attack": "perturbation"}  # what differs
PLAIN, NEAR, APART = "top_k_intersection", "lens_recall_at_k", "top_k_div_lens_recall"


class Contrast(NamedTuple):
    """A score, and what is subtracted from it: the same of `minus`, a model or perturbation, or the score `minus`."""

    name: str
    score: str
    minus: str


def contrasts(scores: pd.DataFrame, names: list | None, values: list | None, first: str) -> list[Contrast]:
    """The contrasts `names` (None: all that the table allows); `first` is the model that others are compared with.

    `values`: scores of training and attack (None: the intersection, and LENS-recall of the smallest window); the
    windows that they name are those of window and diversity. Raises UserError for unknown names, and for contrasts
    that the table doesn't allow.
    """
    for name in names or []:
        if name not in SIDES:
            raise unknown("contrast", name, SIDES)
    windows = sorted(int(w) for c in scores if (w := c.removeprefix(f"{NEAR}_w")) != c and w.isdigit())
    compared = values or [c for c in (PLAIN, *(f"{NEAR}_w{w}" for w in windows[:1])) if c in scores]
    windows = [w for w in windows if any(c.endswith(f"_w{w}") for c in values or [])] or windows[:1]
    near, apart = ([f"{name}_w{w}" for w in windows] for name in (NEAR, APART))
    several = scores["model"].nunique() > 1
    attacked = CONTROL in set(scores["perturbation"]) and scores["perturbation"].nunique() > 1
    found = {
        "window": [Contrast("window", score, PLAIN) for score in near if PLAIN in scores],
        "diversity": [Contrast("diversity", *pair) for pair in zip(apart, near, strict=True) if pair[0] in scores],
        "training": [Contrast("training", score, first) for score in compared if several],
        "attack": [Contrast("attack", score, CONTROL) for score in compared if attacked],
    }
    remedies = {
        "window": f"the scores {PLAIN} and {NEAR}_w3",
        "diversity": f"the scores {APART}_w3 and {NEAR}_w3",
        "training": "two models",
        "attack": f"the perturbation {CONTROL} and another one",
    }
    for name in names or ([] if any(found.values()) else SIDES):
        if not found[name]:
            raise UserError(f"contrast {name!r}: the table needs {remedies[name]}")
    return [contrast for name in names or SIDES for contrast in found[name]]


def table(scores: pd.DataFrame, shown: list[Contrast], models: list[str]) -> pd.DataFrame:
    """A row per contrast and KEYS: `images`, the mean `difference` over them, and its 95% interval.

    Each perturbation is at its largest epsilon that both sides have; images that one side lacks are left out.
    """
    rows = []
    for contrast in shown:
        pairs = _pairs(scores, contrast)
        if pairs.empty:
            raise UserError(f"contrast {contrast.name!r}: nothing shares images and epsilon with {contrast.minus!r}")
        for key, group in pairs.groupby(KEYS, sort=False):
            found = mean_interval(group["difference"].to_numpy())
            ends = {f"difference{end}": value for end, value in zip(frame.ENDS, found, strict=True)}
            rows.append(contrast._asdict() | dict(zip(KEYS, key, strict=True)) | {"images": len(group)} | ends)
    found = pd.DataFrame(rows).rename(columns={"name": "contrast"})
    orders = {key: frame.levels(found, key) for key in ("contrast", "score")}
    orders |= {key: frame.levels(scores, key) for key in KEYS[:-1]} | {"model": models}
    found = frame.ordered(found, orders)
    found["epsilon"] = found["epsilon"].map(scales.epsilon)
    return found


def _pairs(scores: pd.DataFrame, contrast: Contrast) -> pd.DataFrame:
    """A row per KEYS and image that both sides have, with the `difference`."""
    side = SIDES[contrast.name]
    if side == "score":
        found = scores.assign(difference=scores[contrast.score] - scores[contrast.minus])
    else:
        by = [key for key in (*KEYS, "image_id") if key != side]
        of = scores[side] == contrast.minus
        found = scores[~of].merge(scores.loc[of, [*by, contrast.score]], on=by, suffixes=("", "_minus"))
        found["difference"] = found[contrast.score] - found[f"{contrast.score}_minus"]
    return found[found["epsilon"] == found.groupby("perturbation")["epsilon"].transform("max")]
