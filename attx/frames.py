"""Tables in Parquet files, verified when read: a digest of all else lies before the footer, where readers skip it."""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from attx.files import atomic, damaged, missing

MAGIC = b"PAR1"  # begins and ends a Parquet file; before the end stands the length of the footer
TAIL = 8
DIGEST = hashlib.sha256().digest_size
BLOCK = 1 << 20
FREELY = 10**7  # values that any file may hold: constant columns take next to nothing
PACKED = 100  # values that a byte may stand for, beyond these


def write(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table, whole or not at all."""
    with atomic(path) as temporary:
        table.to_parquet(temporary)
        seal(temporary)


@contextlib.contextmanager
def writing(path: str | Path, schema: pa.Schema) -> Iterator[Callable[[pd.DataFrame], None]]:
    """A function that adds rows to the table at `path`, which is written whole or not at all.

    What columns `schema` has beyond those of the rows are empty in them.
    """
    with atomic(path) as temporary:
        with pq.ParquetWriter(temporary, schema.remove_metadata()) as writer:

            def add(rows: pd.DataFrame) -> None:
                rows = rows.reindex(columns=schema.names)
                writer.write_table(pa.Table.from_pandas(rows, writer.schema, preserve_index=False))

            yield add
        seal(temporary)


def seal(path: str | Path) -> None:
    """Add the digest to a Parquet file that some other writer has made."""
    with open(path, "r+b") as handle:
        start = _footer(handle)
        digest = _digest(handle, start)
        handle.seek(start)
        footer = handle.read()
        handle.seek(start)
        handle.write(digest + footer)


def read(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table, or some columns; UserError if the file is missing or damaged."""
    with whole(path):
        try:
            return pd.read_parquet(path, columns=None if columns is None else list(columns))
        except (LookupError, TypeError, AttributeError, RecursionError) as error:  # over what it says of itself
            raise ValueError(str(error)) from error


def plain(path: str | Path) -> list[str]:
    """The columns of a table that have one value in a row: not the curves, which are most of it."""
    return [field.name for field in layout(path)[0] if not pa.types.is_nested(field.type)]


def layout(path: str | Path) -> tuple[pa.Schema, int]:
    """The columns of a table and their types, and how many rows it has; UserError as `read`."""
    with whole(path):
        held = pq.read_metadata(path)
        return held.schema.to_arrow_schema().remove_metadata(), held.num_rows


@contextlib.contextmanager
def whole(path: str | Path) -> Iterator[None]:
    """Read a Parquet file within the block, by what reader you like: it was found undamaged. UserError if it is not."""
    try:
        with open(path, "rb") as handle:
            start = _footer(handle) - DIGEST
            handle.seek(max(start, 0))
            held = handle.read(DIGEST)
            if held != _digest(handle, start, DIGEST):
                raise ValueError("its digest is another")
            handle.seek(0)
            claimed, size = pq.read_metadata(handle), handle.seek(0, 2)
            if (values := _values(claimed)) > FREELY + PACKED * size:
                raise ValueError(f"it claims {values} values, beyond all bounds")
        yield
    except FileNotFoundError as error:
        raise missing(path) from error
    except (ValueError, pa.ArrowException) as error:
        raise damaged(path, error) from error


def _values(claimed: pq.FileMetaData) -> int:
    """How many values a file says it has, those of lists counted each."""
    groups = [claimed.row_group(i) for i in range(claimed.num_row_groups)]
    held = sum(group.column(j).num_values for group in groups for j in range(group.num_columns))
    return max(held, claimed.num_rows * claimed.num_columns)


def _footer(handle: BinaryIO) -> int:
    """Where the footer starts; ValueError if this is no Parquet file."""
    size = handle.seek(0, 2)
    handle.seek(max(size - TAIL, 0))
    tail = handle.read(TAIL)
    start = size - TAIL - int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or start < len(MAGIC):
        raise ValueError("its end is not that of a Parquet file")
    return start


def _digest(handle: BinaryIO, start: int, skipped: int = 0) -> bytes:
    """The sha256 of all but the `skipped` bytes from `start` on."""
    digest = hashlib.sha256()
    handle.seek(0)
    left = start
    while left > 0 and (block := handle.read(min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
    handle.seek(start + skipped)
    while block := handle.read(BLOCK):
        digest.update(block)
    return digest.digest()
