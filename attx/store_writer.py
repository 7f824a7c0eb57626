"""Writing a store: arrays go through Zarr into memory, and from there at once into the zip file: none is held whole."""

import contextlib
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.storage import MemoryStore

from attx.errors import UserError
from attx.files import atomic

DIMENSIONS = ("image_id", "channel", "y", "x")


class Writer:
    """A store under way: `add` maps in the order of the ids, some at a time; `attributes` may grow until the end."""

    def __init__(self, archive: zipfile.ZipFile, array: str, image_ids: Sequence[str]) -> None:
        self.attributes: dict[str, Any] = {}
        self._archive, self._array, self._ids = archive, array, list(image_ids)
        self._held: dict = {}  # Zarr writes into memory; what it wrote goes to the file at once
        self._group = zarr.create_group(MemoryStore(self._held))
        self._bad: list[str] = []
        self._count = 0

    def begin(self, shape: Sequence[int], dtype: np.dtype, targets: np.ndarray) -> None:
        """Make the arrays; each image's map is a chunk, so that one reads fast."""
        ids = np.array(self._ids, dtype=np.dtypes.StringDType())
        self._create("image_id", data=ids)
        self._create("target", data=np.asarray(targets, np.int64))
        self._maps = self._create(self._array, shape=(len(ids), *shape), chunks=(1, *shape), dtype=dtype)

    def _create(self, name: str, **settings: Any) -> zarr.Array:
        return self._group.create_array(
            name,
            compressors=ZstdCodec(level=3, checksum=True),
            dimension_names=DIMENSIONS if name == self._array else DIMENSIONS[:1],
            config={"write_empty_chunks": True},  # also maps of zeros alone: a missing one is damage
            **settings,
        )

    def add(self, values: np.ndarray) -> None:
        """Write the maps (n, C, H, W) of the next n images."""
        end = self._count + len(values)
        finite = np.isfinite(values).all(axis=(1, 2, 3))
        self._bad += [i for i, fine in zip(self._ids[self._count : end], finite, strict=True) if not fine]
        self._maps[self._count : end] = values
        self._count = end
        self._flush(metadata=False)

    def finish(self) -> None:
        """Write the rest; UserError names the images whose values are not finite."""
        if self._bad:
            raise UserError(
                f"{self._array}s are NaN or infinite for {len(self._bad)} of {len(self._ids)} images: "
                f"{', '.join(self._bad)}; nothing was written. Look at the model's outputs for these images, or take "
                "`dtype: float64`"
            )
        if self._count != len(self._ids):
            raise ValueError(f"{self._count} maps of {len(self._ids)} images were added")
        self._group.update_attributes(self.attributes)
        self._flush(metadata=True)

    def _flush(self, metadata: bool) -> None:
        for name in [name for name in self._held if metadata or not name.endswith("zarr.json")]:
            self._archive.writestr(zipfile.ZipInfo(name), self._held.pop(name).to_bytes())  # of no date: no clock's


@contextlib.contextmanager
def writing(
    path: str | Path,
    image_ids: Sequence[str],
    targets: np.ndarray,
    shape: Sequence[int],
    dtype: np.dtype,
    array: str = "attribution",
) -> Iterator[Writer]:
    """A `Writer` of the store at `path`, for maps of `shape` (C, H, W), written whole or not at all."""
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        writer = Writer(archive, array, image_ids)
        writer.begin(shape, dtype, targets)
        yield writer
        writer.finish()
