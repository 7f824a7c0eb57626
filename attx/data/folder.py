"""One's own images, a folder for each class: ROOT/CLASS/any/depth/image.jpg (torchvision's ImageFolder layout)."""

import os
from collections.abc import Iterator
from pathlib import Path

from attx.data.entry import Entry, read_text
from attx.data.images import SUFFIXES
from attx.errors import UserError, nearest


def build(*, root: str, classes: list | str | None = None) -> list[Entry]:
    """The images by their path below `root`, which is also the id.

    A label is the class folder's position in `classes`, a list of folder names or a text file with one name a line
    (a name needs no folder). Without it: the position among the class folders, sorted, as in torchvision.
    """
    top = Path(root).expanduser()
    if not top.is_dir():
        raise UserError(f"{root}: no such folder")
    folders = sorted(entry.name for entry in os.scandir(top) if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise UserError(
            f"{root}: no class folders in it; the layout is {root}/CLASS/image.jpg (for a flat folder use csv)"
        )
    labels = {name: label for label, name in enumerate(_names(classes) if classes is not None else folders)}
    for name in folders:
        if name not in labels:
            raise UserError(f"{top / name}: {name!r} is not among the classes{nearest(name, labels)}")
    entries = [
        Entry(path.relative_to(top).as_posix(), str(path), labels[name])
        for name in folders
        for path in images(top / name)
    ]
    if not entries:
        raise UserError(f"{root}: no images in its class folders; known are {', '.join(sorted(SUFFIXES))}")
    return entries


def images(folder: Path) -> Iterator[Path]:
    """The image files below `folder`, sorted, by suffix alone; links are followed, hidden names left out."""
    seen = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            Path(place, name)
            for name in sorted(files)
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES
        )


def _names(classes: list | str) -> list[str]:
    if isinstance(classes, str):
        classes = read_text(classes, "classes").splitlines()
    names = [str(name).strip() for name in classes if str(name).strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(f"classes: named more than once: {', '.join(twice)}")
    return names
