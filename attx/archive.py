"""A zip file whose members are stored as they are, in which all damage is noticed: the outer shape of a store.

Each member has its CRC, and a reader says which members there must be, so that none can be missing or too many. Nothing
is unpacked whose size is not the one expected.
"""

import contextlib
import errno
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from attx.errors import UserError
from attx.files import damaged, missing

MAGIC = b"\x28\xb5\x2f\xfd"  # of a zstd frame


class Damaged(ValueError):
    """What is wrong with an archive, in words that follow "PATH is damaged"."""


class Archive:
    """An archive that is read; `close` it."""

    def __init__(self, path: str | Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self._size = Path(path).stat().st_size

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def names(self) -> list[str]:
        """Its members, sorted."""
        return sorted(self._zip.namelist())

    def demand(self, expected: Iterable[str]) -> None:
        """Damaged unless exactly these members are there, each once."""
        held = self.names()
        expected = sorted(islice(expected, len(held) + 1))  # a false claim may ask for any number of them
        if held != expected:
            lacking, foreign = sorted({*expected} - {*held}), sorted({*held} - {*expected})
            what = f"lacks {lacking[0]}" if lacking else f"holds {foreign[0]}, which no store has" if foreign else ""
            raise Damaged(what or "holds a part twice")

    def member(self, name: str) -> bytes:
        """A member's bytes; zipfile raises BadZipFile where they do not fit their CRC."""
        info = self._zip.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED or not info.compress_size == info.file_size <= self._size:
            raise Damaged(f"{name} is packed in another way than stores are")
        return self._zip.read(info)


def unpacked(frame: bytes) -> int:
    """How many bytes a zstd frame says that it holds; Damaged if it does not say."""
    head = frame[4] if len(frame) > 4 and frame.startswith(MAGIC) else 0
    single, width = head >> 5 & 1, (0, 2, 4, 8)[head >> 6]
    width = width or single  # one byte, in a frame of one segment
    start = 5 + (not single) + (0, 1, 2, 4)[head & 3]
    if not width or len(frame) < start + width:
        raise Damaged("a part is no zstd frame of known size")
    return int.from_bytes(frame[start : start + width], "little") + 256 * (width == 2)


@contextlib.contextmanager
def told(path: str | Path) -> Iterator[None]:
    """Turn what damage raises within the block into a UserError that names the file and the remedy."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:  # zipfile, json and Zarr raise a dozen kinds over damaged files
        if not Path(path).exists():
            raise missing(path) from error
        if isinstance(error, OSError) and error.errno not in (
            None,
            errno.EINVAL,
        ):  # EINVAL: of a place made up
            raise UserError(f"{path} cannot be read ({error.strerror}): see to the disk, then run again") from error
        raise damaged(path, error) from error
