"""The stores: one Zarr v3 group in one zip file per job. The only file that knows Zarr.

A group holds `attribution` (image_id, channel, y, x), float, signed, as the method gave it, or `adversarial` images,
with the coordinates `image_id` and `target` (the class explained or attacked); its attributes say how to make it again.
The file is made under a
temporary name and renamed, so one that has its name is whole; the zip's CRC shows a damaged one when read.
"""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.storage import ZipStore

from attx.errors import UserError
from attx.files import atomic

DIMENSIONS = ("image_id", "channel", "y", "x")


class Attributions(NamedTuple):
    """What a store holds: attributions (N, C, H, W), ids (N,), targets (N,), and the attributes."""

    attributions: np.ndarray
    image_ids: list[str]
    targets: np.ndarray
    attributes: dict[str, Any]


def write(path: str | Path, content: Attributions, array: str = "attribution") -> None:
    """Write a store, whole or not at all; UserError names the images whose values are not finite."""
    finite = np.isfinite(content.attributions).all(axis=(1, 2, 3))
    if not finite.all():
        bad = [i for i, fine in zip(content.image_ids, finite, strict=True) if not fine]
        raise UserError(
            f"{array}s are NaN or infinite for {len(bad)} of {len(finite)} images: {', '.join(bad)}; nothing was "
            "written. Look at the model's outputs for these images, or take `dtype: float64`"
        )
    with atomic(path) as temporary:
        store = ZipStore(temporary, mode="w", compression=zipfile.ZIP_STORED)
        try:
            group = zarr.create_group(store, attributes=content.attributes)
            _add(group, array, content.attributions, DIMENSIONS)
            _add(group, "image_id", np.array(content.image_ids, dtype=np.dtypes.StringDType()), DIMENSIONS[:1])
            _add(group, "target", np.asarray(content.targets, np.int64), DIMENSIONS[:1])
        finally:
            store.close()


def _add(group: zarr.Group, name: str, array: np.ndarray, dimensions: Sequence[str]) -> None:
    """One array as one shard; an attribution is one chunk per image, so that one image reads fast."""
    chunks = (1, *array.shape[1:]) if array.ndim > 1 else array.shape
    group.create_array(
        name,
        data=array,
        chunks=tuple(max(n, 1) for n in chunks),
        shards=array.shape if array.ndim > 1 and len(array) else None,
        compressors=ZstdCodec(level=3, checksum=True),
        dimension_names=dimensions,
    )


def read(
    path: str | Path, image_ids: Sequence[str] | None = None, array: str = "attribution", partly: bool = False
) -> Attributions:
    """Read a store, or only the given images in that order; UserError if the file is damaged or lacks an image.

    With `partly`, images that it lacks are left out.
    """
    try:
        zipfile.ZipFile(path).close()  # ZipStore stumbles over its own closing where this fails
        with ZipStore(path, mode="r") as store:
            group = zarr.open_group(store, mode="r")
            ids = [str(i) for i in group["image_id"][:]]
            held, targets = group[array], group["target"][:]
            if image_ids is None:
                return Attributions(held[:], ids, targets, dict(group.attrs))
            if partly:
                image_ids = [i for i in image_ids if i in ids]
            lacking = set(image_ids) - set(ids)
            if lacking:
                raise UserError(f"{path} lacks the images {', '.join(sorted(lacking))}: delete it and run again")
            index = [ids.index(i) for i in image_ids]
            found = np.stack([held[i] for i in index]) if index else held[:0]
            return Attributions(found, list(image_ids), targets[index], dict(group.attrs))
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, RuntimeError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run again, and it is made anew") from error
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: run the workflow, which makes it") from error
