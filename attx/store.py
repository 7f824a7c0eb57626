"""The stores: one Zarr v3 group in one zip file per job. Only this file and `store_writer.py` know Zarr.

A group holds `attribution` (image_id, channel, y, x), float, signed, as the method gave it, or `adversarial` images,
with the coordinates `image_id` and `target` (the class explained or attacked); its attributes say how to make it again.
The file is made under a temporary name and renamed, so one that has its name is whole. What is read is verified: the
members that there must be, their CRCs, and what their metadata claims, before anything of that size is made room for.
"""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from numcodecs import Zstd
from zarr.codecs import BytesCodec, VLenUTF8Codec, ZstdCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.storage import MemoryStore

from attx.archive import Archive, Damaged, told, unpacked
from attx.errors import UserError
from attx.store_facts import Facts
from attx.store_writer import writing

COORDINATES = ("image_id", "target")
LARGEST = 2**30  # bytes that one image may take: 3 channels of 6688 x 6688 pixels in float64
LONGEST = 2**12 + 4  # bytes that an image id may take, with its length


class Attributions(NamedTuple):
    """What a store holds: attributions (N, C, H, W), ids (N,), targets (N,), and the attributes."""

    attributions: np.ndarray
    image_ids: list[str]
    targets: np.ndarray
    attributes: dict[str, Any]


def write(path: str | Path, content: Attributions, array: str = "attribution") -> None:
    """Write a store, whole or not at all; UserError names the images whose values are not finite."""
    maps, image_ids, targets, attributes = content
    with writing(path, image_ids, targets, maps.shape[1:], maps.dtype, array) as writer:
        writer.attributes = attributes
        writer.add(maps)


class Reader:
    """A store that is open: `image_ids`, `targets` and `attributes` are read, maps when they are asked for."""

    def __init__(self, path: str | Path, archive: Archive, array: str) -> None:
        self._path, self._archive, self._array = path, archive, array
        self._held: dict = {}  # Zarr reads from memory what was verified
        for name in ("", *(f"{name}/" for name in (array, *COORDINATES))):
            self._load(f"{name}zarr.json")
        group = zarr.open_group(MemoryStore(self._held, read_only=True), mode="r")
        self.attributes = Facts(path, group.attrs)
        self._maps, ids, targets = (group[name] for name in (array, *COORDINATES))
        self._check(ids, targets)
        count = ids.shape[0]
        self.attributes.check(count)
        whole = [f"{name}/c/0" for name in COORDINATES] if count else []
        archive.demand(chain(list(self._held), whole, map(self._chunk, range(count))))
        for name, most in zip(whole, (4 + LONGEST * count, 8 * count), strict=bool(whole)):
            self._load(name, most)
            if name == whole[0] and self._count(name) != count:
                raise Damaged(f"{name} claims to hold {self._count(name)} image ids")
        self.image_ids, self.targets = [str(i) for i in ids[:]], targets[:]
        self.shape, self.dtype = self._maps.shape[1:], self._maps.dtype  # of an image's map

    def _count(self, name: str) -> int:
        """The number of words that a part of words says it has, for which a reader would make room."""
        return int.from_bytes(Zstd().decode(self._held[name].to_bytes())[:4], "little")

    def _check(self, ids: zarr.Array, targets: zarr.Array) -> None:
        """Damaged if the arrays are not such as `Writer` makes."""
        maps, count = self._maps, ids.shape
        fit = len(count) == 1 and targets.shape == count and maps.ndim == 4 and maps.shape[:1] == count
        fit = fit and maps.chunks == (1, *maps.shape[1:]) and all(a.chunks == (max(*count, 1),) for a in (ids, targets))
        if not fit or maps.dtype.kind != "f" or targets.dtype != np.int64 or ids.dtype.kind != "T":
            raise Damaged("its arrays do not fit each other")
        if maps.dtype.itemsize * np.prod(maps.shape[1:], dtype=object) > LARGEST:
            raise Damaged(f"it claims images of {' x '.join(map(str, maps.shape[1:]))} values, beyond all bounds")
        for array, first in ((maps, BytesCodec), (targets, BytesCodec), (ids, VLenUTF8Codec)):
            if [type(codec) for codec in array.metadata.codecs] != [first, ZstdCodec]:
                raise Damaged("its arrays are packed in another way than stores are")

    def _chunk(self, index: int) -> str:
        return f"{self._array}/c/{index}/0/0/0"

    def _load(self, name: str, most: int | None = None) -> None:
        """Bring a member to Zarr; `most`: the bytes that it may unpack to."""
        data = self._archive.member(name)
        if most is not None and unpacked(data) > most:
            raise Damaged(f"{name} claims to hold {unpacked(data)} bytes")
        self._held[name] = default_buffer_prototype().buffer.from_bytes(data)

    def places(self, image_ids: Sequence[str]) -> list[int]:
        """Where these images are in `image_ids`; UserError names those that are not."""
        place = {image_id: index for index, image_id in enumerate(self.image_ids)}
        lacking = set(image_ids) - set(place)
        if lacking:
            raise UserError(f"{self._path} lacks the images {', '.join(sorted(lacking))}: delete it and run again")
        return [place[image_id] for image_id in image_ids]

    def maps(self, places: Sequence[int]) -> np.ndarray:
        """The maps (n, C, H, W) of the images at these places of `image_ids`; UserError if any is damaged."""
        found = np.empty((len(places), *self.shape), self.dtype)
        with told(self._path):
            for row, place in zip(found, places, strict=True):
                self._load(self._chunk(place), row.nbytes)
                row[...] = self._maps[place]
                del self._held[self._chunk(place)]
        return found


@contextlib.contextmanager
def reading(path: str | Path, array: str = "attribution") -> Iterator[Reader]:
    """A `Reader` of the store at `path`; UserError if the file is missing or damaged."""
    with contextlib.ExitStack() as stack:
        with told(path):
            archive = stack.enter_context(contextlib.closing(Archive(path)))
            reader = Reader(path, archive, array)
        yield reader


def read(
    path: str | Path, image_ids: Sequence[str] | None = None, array: str = "attribution", partly: bool = False
) -> Attributions:
    """Read a store, or only the given images in that order; UserError if the file is damaged or lacks an image.

    With `partly`, images that it lacks are left out.
    """
    with reading(path, array) as held:
        there = set(held.image_ids)
        wanted = held.image_ids if image_ids is None else [i for i in image_ids if not partly or i in there]
        index = held.places(wanted)
        return Attributions(held.maps(index), list(wanted), held.targets[index], held.attributes)
