"""The true classes of ILSVRC 2012's validation images, from whichever of the usual files one has."""

import importlib.util
import json
from functools import cache
from pathlib import Path

from attx.data.entry import read_text
from attx.errors import UserError


def labels(ground_truth: str, meta: str | None = None) -> dict[str, int]:
    """Labels (0..999, by sorted wnid) by image name ("ILSVRC2012_val_00000001"). Accepted, told apart by content:

    - the devkit's ILSVRC2012_validation_ground_truth.txt: line i has the ILSVRC2012_ID (1..1000) of image i. These ids
      are not in the order of the wnids: the devkit's meta.mat translates them (`meta`, or the one beside the file);
    - one wnid a line, for image i, as in imagenet_2012_validation_synset_labels.txt;
    - two columns, name and label: Kaggle's LOC_val_solution.csv (wnids), or Caffe's val.txt (0..999 by sorted wnid).
    """
    lines = [
        line.replace(",", " ").split() for line in read_text(ground_truth, "ground_truth").splitlines() if line.strip()
    ]
    if lines and lines[0][0] == "ImageId":
        lines = lines[1:]
    if not lines:
        raise UserError(f"{ground_truth}: is empty")
    named = len(lines[0]) > 1
    if named:
        pairs = [(words[0].rsplit("/", 1)[-1].split(".")[0], words[1] if len(words) > 1 else "") for words in lines]
    else:
        pairs = [(f"ILSVRC2012_val_{number:08d}", words[0]) for number, words in enumerate(lines, 1)]
    if pairs[0][1].startswith("n"):
        known = {wnid: position for position, wnid in enumerate(wnids())}
    elif named:
        known = {str(label): label for label in range(1000)}
    else:
        known = _devkit_ids(Path(meta).expanduser() if meta else Path(ground_truth).expanduser().with_name("meta.mat"))
    for name, word in pairs:
        if word not in known:
            raise UserError(f"{ground_truth}: {name}: {word!r} is not a class; see docs/howto-data.md for the formats")
    return {name: known[word] for name, word in pairs}


@cache
def wnids() -> tuple[str, ...]:
    """The 1000 wnids, sorted: a wnid's position is its label."""
    return tuple(_of_timm("imagenet_synsets.txt").split())


def reassessed() -> dict[str, int]:
    """The labels of those 39394 images that have exactly one reassessed label (Beyer et al., arXiv 2006.07159)."""
    found = enumerate(json.loads(_of_timm("imagenet_real_labels.json")), 1)
    return {f"ILSVRC2012_val_{number:08d}": labels[0] for number, labels in found if len(labels) == 1}


def _of_timm(name: str) -> str:
    """A file that timm carries, read without importing timm."""
    spec = importlib.util.find_spec("timm")
    file = Path(spec.submodule_search_locations[0]) / "data/_info" / name if spec else None
    if file is None or not file.is_file():
        raise UserError(f"ImageNet's {name} is part of the package timm (1.0 or later): pip install timm")
    return file.read_text()


def _devkit_ids(meta: Path) -> dict[str, int]:
    """Labels by ILSVRC2012_ID, from the 1000 synsets of meta.mat that have no children."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not meta.is_file():
        raise UserError(
            f"{meta}: not there; the devkit's ids need its meta.mat: give its path as meta, or put it there"
        )
    try:
        synsets = loadmat(meta, squeeze_me=True)["synsets"]
        leaves = {str(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets if row["num_children"] == 0}
    except (MatReadError, NotImplementedError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(f"{meta}: is not the meta.mat of the ILSVRC 2012 devkit ({error})") from error
    order = {wnid: position for position, wnid in enumerate(sorted(leaves.values()))}
    return {number: order[wnid] for number, wnid in leaves.items()}
