"""Random draws that depend on (seed, image id, step, copy) alone.

So the batch size, the order of the images, sharding, resuming and the number of devices cannot change a draw. The
stream is Philox4x64-10 (`attx_kernels.philox`): the key is a 128-bit hash of seed and image id, the counter is
(stream, copy, step).
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Literal

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
    SIGNS = 13
    TRAINING = 14


def image_key(seed: int, image_id: str | int) -> np.ndarray:
    """The Philox key (2 x uint64) of an image. The ids 7 and "7" are one image."""
    digest = hashlib.blake2b(f"{seed}/{image_id}".encode(), digest_size=16).digest()
    return np.frombuffer(digest, dtype="<u8").astype(np.uint64)


def pick(x: Tensor, index: Sequence[int]) -> Tensor:
    """x[index] for numbers on the host, without waiting for the device of `x`."""
    return x[torch.as_tensor(index, dtype=torch.int64).to(x.device, non_blocking=True)]


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

    @cached_property
    def counters(self) -> philox.Counters:
        """What the rows' draws depend on."""
        keys = np.array([self.keys[image] for image in self.image], np.uint64).reshape(-1, 2)
        return philox.Counters(keys, np.array(self.copy, np.int64), self.step)

    def uniform(self, stream: Stream, shape: Sequence[int], like: Tensor) -> Tensor:
        """Uniform in [0, 1), (rows, *shape), of the dtype and device of `like`."""
        return self._draw("uniform", stream, shape, like)

    def normal(self, stream: Stream, shape: Sequence[int], like: Tensor) -> Tensor:
        """Standard normal, (rows, *shape), of the dtype and device of `like`."""
        return self._draw("normal", stream, shape, like)

    def few(self, stream: Stream, count: int) -> Tensor:
        """Uniform in [0, 1), (rows, count), float64, on the CPU: for a few numbers a row, all rows at once."""
        return torch.from_numpy(philox.few(self.counters, int(stream), count))

    def _draw(self, kind: Literal["uniform", "normal"], stream: Stream, shape: Sequence[int], like: Tensor) -> Tensor:
        return philox.draw(kind, self.counters, int(stream), math.prod(shape), like).reshape(len(self), *shape)
