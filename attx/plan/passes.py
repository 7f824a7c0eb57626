"""About how many passes a work takes, by the counts among its parameters, where no plan has counted them. No torch."""

import json
import math

from attx import registry
from attx.plan.jobs import Work

FAMILIES = {"method": "attribution", "path": "attribution", "metric": "metrics", "attack": "attacks"}
FAMILIES |= {"perturbation": "perturbations"}
COUNTS = (("steps", "copies", "samples", "classes", "restarts", "stages"),)  # multiplied
TERMS = {  # of entries whose passes are another sum of products
    "anda": (("steps", "side", "side"),),
    "big": (("attacks", "attack_steps"), ("steps",)),
    "la": (("steps", "classes"), ("steps",)),
    "learned_order": (("steps", "fractions"), ("copies",)),
    "naa": (("steps",), ("copies",)),
}
FOREIGN = {"captum": 200, "quantus": 200}  # of others' methods and metrics nothing is known: a guess


def passes(work: Work, side: int) -> tuple[int, int]:
    """Forward and backward passes for an image of that side: twice the product of the counts, for what comes beside."""
    if work.kind not in FAMILIES:
        return 1, 0
    found = json.loads(work.spec)
    entry = found[work.kind]
    if work.kind != "metric":
        number = 2 + 2 * _number(FAMILIES[work.kind], entry)
        return number, number
    if entry["use"] == "insertion_deletion":
        step = _count("metrics", entry, "pixels_per_step")
        return 2 * math.ceil(side**2 / step), 0
    if "method" not in found:
        return 2 + 2 * _number("metrics", entry), 0
    number = 2 + 2 * _number("metrics", entry) * (1 + _number("attribution", found["method"]))
    return number, number


def _number(family: str, entry: dict) -> int:
    """The sum of products of the counts that an entry has, or its file by default."""
    use = entry["use"]
    if use in FOREIGN:
        return FOREIGN[use]
    takes = registry.method_parameters(use, entry) if family == "attribution" else registry.parameters(family, use)
    attack = entry.get("attack", "ssa") if "attack" in takes else use
    terms = TERMS.get(attack, COUNTS)
    return sum(math.prod(_count(family, entry, key) for key in term if key in takes) for term in terms)


def _count(family: str, entry: dict, key: str) -> int:
    """A count of an entry, given or by default; of a list, how many it has."""
    value = entry.get(key)
    if value is None:
        value = _default(family, entry, key)
    return len(value) if isinstance(value, list | tuple) else int(value or 1)


def _default(family: str, entry: dict, key: str) -> object:
    if key == "attacks":
        return registry.constant("attribution", entry["use"], "ATTACKS")
    if family == "attribution":
        return registry.method_default(entry["use"], entry, key)
    own = registry.default(family, entry["use"], key)
    return registry.common_default(family, key) if own is None and family in registry.COMMON else own
