"""One image of a data set, as listed before anything is decoded."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from attx.errors import UserError

LARGEST = 2**28  # bytes of a text


@dataclass(frozen=True)
class Entry:
    """`image_id`: a stable name, never a position. `path`: the file, or what the source's own `read` takes.

    `label`: the true class, 0..classes-1.
    """

    image_id: str
    path: str
    label: int


def read_text(path: str | Path, key: str = "") -> str:
    """A text that lists images or classes; UserError, opened by a `key`, for what is none, as a device without end."""
    place, named = Path(path).expanduser(), f"{key}: {path}" if key else path
    try:
        if place.exists() and not place.is_file():
            raise UserError(f"{named}: cannot be read: not a regular file")
        if place.stat().st_size > LARGEST:
            raise UserError(f"{named}: cannot be read: larger than {LARGEST >> 20} MiB")
        return place.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # also of names with a null
        raise UserError(f"{named}: cannot be read: {getattr(error, 'strerror', None) or error}") from error


def stable_hash(text: str) -> int:
    """64 bits of BLAKE2b of `text`: the same on every machine and in every run, unlike `hash`."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "big")
