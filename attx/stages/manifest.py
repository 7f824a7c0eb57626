"""Check every image of a data set and write its manifest."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from attx.data import listing, manifest, stamps
from attx.data.entry import Entry
from attx.data.stamps import Seen
from attx.errors import UserError


def run(spec: dict, *, threads: int, out: Path) -> None:
    """`spec`: {data, classes}. One error lists all images that cannot be used."""
    _check(spec, listing.entries(spec["data"]), {}, threads, out)


def _check(spec: dict, found: Sequence[Entry], known: Mapping[str, str], threads: int, out: Path) -> dict[str, str]:
    """Check those images that are not `known`, write the manifest, and return the digests by path."""
    use = spec["data"]["use"]
    unique, read = listing.refuses_duplicates(use), listing.reader(use)
    rows = manifest.check(found, spec["classes"], read, refuse_duplicates=unique, threads=threads, known=known)
    manifest.write(out, rows)
    print(f"{len(rows)} images checked" + (f", {len(known)} of them before" if known else ""))
    return {row.path: row.sha256 for row in rows}


def ensure(
    spec: dict, threads: int, out: Path, stamped: Path, listed: Sequence[Entry], seen: Mapping[str, Seen]
) -> None:
    """Have the manifest `out` be that of the images `listed`, and `stamped` say how they were `seen`.

    What has its sha256 already, since it is as it was when it was checked, is not decoded again.
    """
    known = {path: file.sha256 for path, file in seen.items() if file.sha256}
    if len(known) < len(seen) or not _current(listed, known, spec["classes"], out):
        known = _check(spec, listed, known, threads, out)
    seen = {path: file._replace(sha256=known[path]) for path, file in seen.items()}
    if stamps.read(stamped) != seen:
        stamps.write(stamped, seen)


def _current(listed: Sequence[Entry], known: Mapping[str, str], classes: int | None, out: Path) -> bool:
    if not out.exists() or (classes is not None and any(entry.label >= classes for entry in listed)):
        return False
    try:
        rows = manifest.read(out)
    except UserError:  # damaged
        return False
    same = listing.fingerprint(rows) == listing.fingerprint(listed)
    return same and all(known.get(row.path, row.sha256) == row.sha256 for row in rows)
