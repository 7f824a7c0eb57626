"""The validation images of ILSVRC 2012, flat with a ground truth file or in folders by wnid."""

import re
from pathlib import Path

from attx.data.entry import Entry
from attx.data.folder import images
from attx.data.ground_truth import labels, reassessed, wnids
from attx.errors import UserError

REFUSE_DUPLICATES = False  # a published benchmark is used as it is
NUMBER = re.compile(r"ILSVRC2012_val_(\d{8})$")


def build(*, root: str, ground_truth: str | None = None, meta: str | None = None) -> list[Entry]:
    """The images in `root`; ids are the file names without suffix ("ILSVRC2012_val_00000001") in both layouts.

    Labels are 0..999 in the sorted order of the wnids, as the usual models have them. Flat layout: `ground_truth` is
    one of the files that `ground_truth.labels` reads; `meta` is the devkit's meta.mat (default: beside it).
    Folders (n01440764/...): need neither; some of the 1000 suffice.
    Either layout, with `ground_truth: real`: the images that have one reassessed label, whether they are there or not,
    so that a run can be planned without them.
    """
    top = Path(root).expanduser()
    if ground_truth == "real":
        there = {path.stem: str(path) for path in images(top)}
        return [Entry(name, there.get(name, f"{top}/{name}.JPEG"), label) for name, label in reassessed().items()]
    if not top.is_dir():
        raise UserError(f"{root}: no such folder")
    flat = sorted(
        path for path in top.iterdir() if NUMBER.match(path.stem) and path.suffix.lower() in (".jpeg", ".jpg")
    )
    if flat:
        return _flat(flat, ground_truth, meta)
    folders = sorted(path for path in top.iterdir() if re.fullmatch(r"n\d{8}", path.name) and path.is_dir())
    if not folders:
        raise UserError(f"{root}: holds neither ILSVRC2012_val_*.JPEG nor folders named by wnid, such as n01440764")
    label = {wnid: position for position, wnid in enumerate(wnids())}
    strange = [path.name for path in folders if path.name not in label]
    if strange:
        raise UserError(
            f"{root}: not among the 1000 classes of ILSVRC 2012: {', '.join(strange)}; use folder for other classes"
        )
    return [Entry(path.stem, str(path), label[folder.name]) for folder in folders for path in images(folder)]


def _flat(files: list[Path], ground_truth: str | None, meta: str | None) -> list[Entry]:
    if ground_truth is None:
        raise UserError(
            f"{files[0].parent}: a flat folder of validation images needs ground_truth: "
            "ILSVRC2012_validation_ground_truth.txt of the devkit, LOC_val_solution.csv or val.txt"
        )
    truth = labels(ground_truth, meta)
    without = [path.name for path in files if path.stem not in truth]
    if without:
        raise UserError(f"{ground_truth}: says nothing of {len(without)} images, the first being {without[0]}")
    return [Entry(path.stem, str(path), truth[path.stem]) for path in files]
