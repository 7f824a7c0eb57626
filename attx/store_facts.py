"""What a store says of itself: others may have written it, so what is odd or lacking is told as damage."""

from collections.abc import Mapping
from numbers import Real
from pathlib import Path

from attx.archive import Damaged
from attx.files import damaged

WORDS = ("data", "model", "method", "attack", "perturbation", "shard")
COSTS = ("forward_passes", "backward_passes", "seconds")
MOST = 10**18  # passes or seconds


class Facts(dict):
    """A store's attributes; UserError names the store where what is asked for is not among them."""

    def __init__(self, path: str | Path, held: Mapping) -> None:
        super().__init__(held)
        self._path = path

    def __missing__(self, key: str) -> object:
        raise damaged(self._path, f"it does not say its {key}")

    def check(self, count: int) -> None:
        """Damaged if what later jobs reckon with is no word or number; a distance is one for each of `count` images."""
        odd = [key for key in WORDS if not isinstance(self.get(key, ""), str)]
        odd += [key for key in COSTS if not _number(self.get(key, 0))]
        each = self.get("distance")
        if each is not None and not (isinstance(each, list) and len(each) == count and all(map(_number, each))):
            odd.append("distance")
        if odd:
            raise Damaged(f"what it says of its {odd[0]} is odd")


def _number(value: object) -> bool:
    return isinstance(value, Real) and 0 <= value <= MOST
