"""The 1797 handwritten digits that scikit-learn carries, 8 x 8 pixels in 17 shades: nothing to download."""

import gzip
import importlib.util
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from attx.data.entry import Entry
from attx.errors import UserError, unknown

REFUSE_DUPLICATES = False  # a published benchmark is used as it is
SPLITS = ("train", "test")
EVERY = 5  # of each class the first, the sixth ... are for the test


def build(*, split: str = "test") -> list[Entry]:
    """The images of a split (train 1433, test 364) in scikit-learn's order; ids such as "digits-test-0007".

    The split is stratified: of each digit every fifth image, from the first on, is for the test.
    """
    if split not in SPLITS:
        raise unknown("split of digits", split, SPLITS)
    table = _table()
    seen: Counter[int] = Counter()
    places = []
    for place, label in enumerate(int(row[-1]) for row in table):
        if (seen[label] % EVERY == 0) == (split == "test"):
            places.append((place, label))
        seen[label] += 1
    return [
        Entry(f"digits-{split}-{index:04d}", f"digits#{place}", label) for index, (place, label) in enumerate(places)
    ]


def read(entry: Entry) -> Image.Image:
    """The entry's image, 8 x 8, black behind white strokes; scikit-learn's 0..16 become 0..255."""
    shades = _table()[int(entry.path.rpartition("#")[2]), :-1].reshape(8, 8)
    return Image.fromarray(np.rint(shades * (255 / 16)).astype(np.uint8))


@cache
def _table() -> np.ndarray:
    """A row per image: 64 shades, then the label. The package is found without importing it."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None:
        raise UserError("the digits are part of the package scikit-learn, which is not installed")
    file = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    if not file.is_file():
        raise UserError(f"{file}: not there; install scikit-learn again")
    with gzip.open(file, "rt") as handle:
        return np.loadtxt(handle, delimiter=",")
