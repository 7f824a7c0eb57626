"""The manifest: every image of a run, decoded once to see that it can be used, with its digest and label."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

from PIL import Image

from attx.data.entry import Entry
from attx.data.images import BadImage, Read, fetch
from attx.errors import UserError
from attx.files import damaged, read_sealed, write_sealed
from attx.progress import progress

COLUMNS = ["image_id", "path", "sha256", "label"]


@dataclass(frozen=True)
class Row(Entry):
    """A checked entry. `sha256` is of the file, or of the pixels where the images are not files of their own."""

    sha256: str


def check(
    entries: Sequence[Entry],
    classes: int | None = None,
    read: Read | None = None,
    *,
    refuse_duplicates: bool = True,
    threads: int = 1,
    known: Mapping[str, str] = MappingProxyType({}),
) -> list[Row]:
    """Decode every image wholly and return the rows of the manifest, in the order of `entries`.

    Raises one UserError that lists all bad images: unreadable, truncated, not an image, too large, not convertible to
    RGB (see `images.to_rgb`), label outside 0..classes-1, duplicate id, and duplicate content if `refuse_duplicates`.
    `known`: digests, by path, of images that were found good before and are not decoded again.
    A flipped bit inside a JPEG often decodes without complaint: that is beyond what can be seen here.
    """
    if not entries:
        raise UserError("the data set has no images")
    if read is None and len(entries) > 1 and not any(Path(entry.path).exists() for entry in entries):
        raise UserError(f"none of the {len(entries)} images is there; the first should be {entries[0].path}")
    with ThreadPoolExecutor(threads) as pool:  # PIL decodes outside the interpreter's lock
        inspected = pool.map(lambda entry: _inspect(entry, read, known), entries)
        found = list(progress(inspected, len(entries), "check", count=lambda _: 1))
    ids = Counter(entry.image_id for entry in entries)
    first: dict[str, Entry] = {}
    problems = []
    for entry, (digest, problem) in zip(entries, found, strict=True):
        reasons = [problem] if problem else []
        if entry.label < 0 or (classes is not None and entry.label >= classes):
            reasons.append(f"label {entry.label} is out of range (0 to {'...' if classes is None else classes - 1})")
        if ids[entry.image_id] > 1:
            reasons.append(f"the id {entry.image_id!r} is used {ids[entry.image_id]} times")
        if digest and refuse_duplicates and first.setdefault(digest, entry) is not entry:
            reasons.append(f"the same image as {first[digest].path}")
        if reasons:
            problems.append(f"  {entry.path}: {'; '.join(reasons)}")
    if problems:
        raise UserError(
            f"{len(problems)} of {len(entries)} images cannot be used; mend them or take them out of the data set:\n"
            + "\n".join(problems)
        )
    return [Row(**asdict(entry), sha256=digest) for entry, (digest, _) in zip(entries, found, strict=True)]


def _inspect(entry: Entry, read: Read | None, known: Mapping[str, str]) -> tuple[str, str]:
    """The digest and no problem, or no digest and the problem."""
    try:
        entry.image_id.encode(), entry.path.encode()
        return known.get(entry.path) or fetch(entry, read)[1], ""
    except BadImage as error:
        return "", str(error)
    except UnicodeEncodeError:
        return "", "its name is not valid UTF-8; rename it"


def image(row: Row, read: Read | None = None) -> Image.Image:
    """The row's image in RGB; UserError if it cannot be read or is no longer the image that was checked."""
    try:
        picture, digest = fetch(row, read)
    except BadImage as error:
        raise UserError(f"{row.path}: {error}") from error
    if digest != row.sha256:
        raise UserError(
            f"{row.path}: changed since the manifest was made; put the old file back, or make the manifest again"
        )
    return picture


def write(path: str | Path, rows: Sequence[Row]) -> None:
    """Write the manifest as CSV, whole or not at all."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_sealed(path, text.getvalue())


def read(path: str | Path) -> list[Row]:
    """The rows of the manifest that `write` wrote; UserError if the file is missing or damaged."""
    rows = csv.DictReader(io.StringIO(read_sealed(path), newline=""))
    try:
        return [Row(**{**row, "label": int(row["label"])}) for row in rows]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise damaged(path, "its rows are not a manifest's") from error
