"""Random draws that depend on (seed, image id, step, copy) alone.

So the batch size, the order of the images, sharding, resuming and the number of devices cannot change a draw. The
stream is Philox4x64-10 (`attx_kernels.philox`): the key is a 128-bit hash of seed and image id, the counter is
(stream, copy, step).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import torch
from attx_kernels import philox
from torch import Tensor


class Stream(IntEnum):
    """What a draw is for: draws for different uses never share a counter."""

    NOISE = 0
    SPECTRUM = 1
    DIVERSITY = 2
    CONTROL = 3
    START = 4
    NEIGHBOUR = 5
    BLOCKS = 6
    BLOCK_NOISE = 7
    PERTURBATION = 8
    WEIGHTS = 9
    REFERENCE = 10
    CLASSES = 11
    FRACTION = 12


def image_key(seed: int, image_id: str | int) -> np.ndarray:
    """The Philox key (2 x uint64) of an image. The ids 7 and "7" are one image."""
    digest = hashlib.blake2b(f"{seed}/{image_id}".encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


@dataclass(frozen=True)
class Rows:
    """The rows of one model batch: which image and which copy each is, at one step of a path.

    `keys` are of all images of the call, `image` indexes them; rows of one image are contiguous.
    """

    keys: Sequence[np.ndarray]
    image: Sequence[int]
    copy: Sequence[int]
    step: int

    @classmethod
    def of(cls, seed: int, image_ids: Iterable[str | int], copies: int, step: int) -> "Rows":
        """All copies of all images, image by image."""
        keys = [image_key(seed, i) for i in image_ids]
        pairs = [(i, c) for i in range(len(keys)) for c in range(copies)]
        return cls(keys, [i for i, _ in pairs], [c for _, c in pairs], step)

    def __len__(self) -> int:
        return len(self.image)

    def take(self, index: Sequence[int]) -> "Rows":
        """The rows at `index`."""
        return replace(self, image=[self.image[i] for i in index], copy=[self.copy[i] for i in index])

    def first(self, copies: int) -> "Rows":
        """The rows of the first `copies` copies of each image."""
        if all(copy < copies for copy in self.copy):
            return self
        return self.take([row for row, copy in enumerate(self.copy) if copy < copies])

    def at(self, step: int) -> "Rows":
        """The same rows at another step."""
        return replace(self, step=step)

    def uniform(self, stream: Stream, shape: Sequence[int], like: Tensor) -> Tensor:
        """Uniform in [0, 1), (rows, *shape), of the dtype and device of `like`."""
        return self._draw(philox.uniform, stream, shape, like)

    def normal(self, stream: Stream, shape: Sequence[int], like: Tensor) -> Tensor:
        """Standard normal, (rows, *shape), of the dtype and device of `like`."""
        return self._draw(philox.normal, stream, shape, like)

    def _draw(self, convert, stream: Stream, shape: Sequence[int], like: Tensor) -> Tensor:
        count = int(np.prod(shape))
        dtype = np.dtype(np.float64 if like.dtype == torch.float64 else np.float32)
        out = np.empty((len(self), count), dtype)
        for row, image, copy in zip(out, self.image, self.copy, strict=True):
            bits = philox.words(self.keys[image], (int(stream), copy, self.step), count + count % 2)
            row[:] = convert(bits, dtype)[:count]
        return torch.from_numpy(out).reshape(len(self), *shape).to(like.device, like.dtype, non_blocking=True)
