"""Orders and ranks of rows of values, the largest first; of equals, -0.0 and 0.0 among them, the lower index first.

On a CPU the bits of a float32 become an integer of the same order, the index goes into the 32 bits below it, and one
plain sort of int64, which NumPy does in vector instructions, is the stable sort that is wanted. A float64 leaves no
room for the index: NumPy's argsort, which is not stable, is followed by a sort of the places among equals, if there are
any. GPUs are left to torch's stable sort. There is no Triton kernel: all there is to do beside it is one scatter.
"""

import numpy as np
import torch
from attx_kernels.dispatch import HALF_OR_SINGLE
from torch import Tensor


def rank(values: Tensor) -> Tensor:
    """Ranks (N, K), int32, 0 for the largest value of each row of `values` (N, K), which has no NaN."""
    indices = order(values)
    places = torch.arange(values.shape[1], dtype=torch.int32, device=values.device).expand_as(indices)
    return torch.empty_like(places, memory_format=torch.contiguous_format).scatter_(1, indices, places)


def levels(values: Tensor, indices: Tensor | None = None) -> Tensor:
    """Dense ranks (N, K), int64: 0 for the largest value of each row, equal values alike. `indices`: their `order`."""
    indices = order(values) if indices is None else indices
    descending = values.gather(1, indices)
    steps = torch.zeros_like(indices)
    torch.cumsum(descending[:, 1:] != descending[:, :-1], 1, out=steps[:, 1:])
    return torch.empty_like(steps).scatter_(1, indices, steps)


def mean_ranks(values: Tensor) -> Tensor:
    """Ranks (N, K), float64, equal values at the mean of theirs, less the mean of all; the largest value the lowest."""
    found = levels(values)
    return means_of(found, tally(found))


def tally(found: Tensor) -> Tensor:
    """(N, K), int64: how many values are at each of the `levels` (N, K); 0 behind the last."""
    return torch.zeros_like(found).scatter_add_(1, found, torch.ones_like(found))


def means_of(found: Tensor, counts: Tensor) -> Tensor:
    """`mean_ranks` where `levels` and their `tally` are known."""
    return ((2 * counts.cumsum(1) - counts - counts.shape[1]).double() / 2).gather(1, found)


def order(values: Tensor) -> Tensor:
    """Indices (N, K), int64, that sort each row of `values` (N, K), which has no NaN, from the largest on."""
    if values.device.type != "cpu" or values.dtype not in (*HALF_OR_SINGLE, torch.float64):
        # + 0.0 makes -0.0 equal to 0.0 for any sort
        return torch.argsort(values + 0.0, dim=1, descending=True, stable=True)
    found = np.empty(values.shape, dtype=np.int64)
    double = values.dtype == torch.float64
    rows = (values.detach() if double else values.detach().float()).numpy()
    for row, indices in zip(rows, found, strict=True):  # one by one, since a row fits the cache
        (_order_of_doubles if double else _order_of_singles)(row, indices)
    return torch.from_numpy(found)


def _order_of_singles(row: np.ndarray, indices: np.ndarray) -> None:
    indices[:] = _integers(row, np.int32)
    indices <<= 32
    indices |= np.arange(row.size)
    indices.sort()
    indices &= 2**32 - 1


def _order_of_doubles(row: np.ndarray, indices: np.ndarray) -> None:
    keys = _integers(row, np.int64)
    indices[:] = np.argsort(keys)  # in vector instructions, and not stable
    descending = keys[indices]
    differs = descending[1:] != descending[:-1]
    if not differs.all():
        indices[1:] |= np.cumsum(differs) << 32
        indices.sort()
        indices &= 2**32 - 1


def _integers(row: np.ndarray, kind: type) -> np.ndarray:
    """Integers as wide as the floats, in the opposite order."""
    bits = (row + row.dtype.type(0)).view(kind)  # -0.0 becomes 0.0
    # negative floats grow with their magnitude's bits, integers do not
    bits ^= (bits >> (8 * bits.itemsize - 1)) & np.iinfo(kind).max
    return ~bits
