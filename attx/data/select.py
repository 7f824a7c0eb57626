"""Part of a data set: the first images, or a stratified choice. Options of every data source."""

from collections import defaultdict
from collections.abc import Sequence

from attx.data.entry import Entry, stable_hash
from attx.errors import UserError

KEYS = {"first": "int | None", "stratified": "int | None", "part": "int | None"}


def select(
    entries: Sequence[Entry], *, first: int | None = None, stratified: int | None = None, part: int | None = None
) -> list[Entry]:
    """The `first` N entries, or `stratified` N with class counts as even as possible; in the order of `entries`.

    Of these the first `part`, if there are so many: what figures and metrics ask for by `images`.

    The stratified choice is by hashes of ids and labels: the same in every run, and an image added to the data set
    changes at most one of the chosen. UserError if both are given, or if there are not N images.
    """
    if first is not None and stratified is not None:
        raise UserError("first and stratified exclude each other: give one of them")
    for key, count in (("first", first), ("stratified", stratified)):
        if count is not None and not 1 <= count <= len(entries):
            raise UserError(
                f"{key}: {count} images wanted, the data set has {len(entries)}; give a number in 1..{len(entries)}"
            )
    if stratified is not None:
        chosen = set(_ranked(entries)[:stratified])
        entries = [entry for position, entry in enumerate(entries) if position in chosen]
    return list(entries[:first][:part])


def _ranked(entries: Sequence[Entry]) -> list[int]:
    """Positions: one of each class, then a second of each, and so on; classes and images in the order of hashes."""
    classes = defaultdict(list)
    for position, entry in enumerate(entries):
        classes[entry.label].append((stable_hash(entry.image_id), position))
    order = [
        (rank, stable_hash(str(label)), position)
        for label, members in classes.items()
        for rank, (_, position) in enumerate(sorted(members))
    ]
    return [position for _, _, position in sorted(order)]
