"""The kernels, each called as a run calls it, with what it must at least move and compute."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from attx.rng import Rows, Stream

SIGMA, RHO = 16 / 255, 0.5


@dataclass(frozen=True)
class Case:
    """A kernel; `prepare` does what is done once and returns the call.

    `bytes`: inputs read and outputs written once each; `flop`: of its matrix products.
    """

    kernel: str
    what: str
    prepare: Callable[[], Callable[[], Tensor | tuple[Tensor, ...]]]
    bytes: int
    flop: int = 0


def cases(device: str, dtype: torch.dtype, size: int, copies: int, *, k: int = 1000) -> Iterator[Case]:
    """Of 2 images of `size` pixels with `copies` copies each; kernels that are not there are left out."""
    for make in (_spectrum, _masking, _update, _resample, _windows, _topk, _rank):
        try:
            module = importlib.import_module(f"attx_kernels{make.__name__.replace('_', '.', 1)}")
        except ImportError:
            continue
        yield from make(module, device, dtype, size, copies, k)


def _images(device: str, dtype: torch.dtype, size: int, number: int = 2) -> Tensor:
    draw = torch.Generator().manual_seed(number)
    return torch.rand(number, 3, size, size + size % 2, generator=draw, dtype=torch.float64).to(device, dtype)


def _bytes(*tensors: Tensor) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)


def _spectrum(module, device: str, dtype: torch.dtype, size: int, copies: int, k: int) -> Iterator[Case]:
    images = _images(device, dtype, size)
    height, width = images.shape[2:]
    rows = Rows.of(3407, ["a", "b"], copies, step=0)
    streams = int(Stream.NOISE), int(Stream.SPECTRUM)
    flop = 3 * 2 * height * width * (height + width)
    what = f"noise, mask and IDCT2, {len(rows)} copies of 3x{height}x{width}"
    made = partial(module.masked_copies, images, rows.image, rows.counters, streams, SIGMA, RHO)
    yield Case("spectrum", what, lambda: made, _bytes(images) * (1 + copies), flop * len(rows))
    what = f"DCT2 of 2 images of 3x{height}x{width}"
    yield Case("spectrum", what, lambda: partial(module.dct2, images), 2 * _bytes(images), flop * 2)


def _masking(module, device: str, dtype: torch.dtype, size: int, copies: int, k: int) -> Iterator[Case]:
    pixels = size * (size + size % 2)
    ranks = torch.stack([torch.randperm(pixels, generator=torch.Generator().manual_seed(i)) for i in range(2)])
    number = 2 * copies
    rows = [i // copies for i in range(number)], [pixels * (i % copies) // copies for i in range(number)]
    rows += ([i % 2 == 0 for i in range(number)],)
    for layout in (torch.channels_last, torch.contiguous_format):
        images = _images(device, dtype, size).contiguous(memory_format=layout)
        held = ranks.int().view(2, 1, *images.shape[2:]).to(device)
        mixer = partial(module.mixer, images, torch.zeros_like(images), held, *rows)
        what = f"{number} half-shown images of 3x{size}, {str(layout).split('.')[1]}"
        moved = _bytes(images) * (2 + copies) + _bytes(held)
        yield Case("masking", what, lambda mixer=mixer: partial(mixer(), 0, number), moved)


def _windows(module, device: str, dtype: torch.dtype, size: int, copies: int, k: int) -> Iterator[Case]:
    mask = _images(device, dtype, size, copies).mean(1) > 0.7
    what = f"{copies} maps of {size}, windows of 5x5"
    if dtype == torch.float32:  # it has booleans alone
        yield Case("windows", what, lambda: partial(module.dilate, mask, 5), 2 * _bytes(mask))


def _topk(module, device: str, dtype: torch.dtype, size: int, copies: int, k: int) -> Iterator[Case]:
    maps = _images(device, dtype, size, copies).mean(1)
    what = f"top {k} of {copies} maps of {size}"
    yield Case("topk", what, lambda: partial(module.top_k, maps, k), _bytes(maps) + maps.numel())
    what = f"top-{k}-div of {copies} maps of {size}, windows of 3x3"
    yield Case("topk", what, lambda: partial(module.top_k_div, maps, k, 3), _bytes(maps) + 8 * k * copies)


def _rank(module, device: str, dtype: torch.dtype, size: int, copies: int, k: int) -> Iterator[Case]:
    maps = _images(device, dtype, size, copies).mean(1).flatten(1)
    what = f"{copies} maps of {size}"
    yield Case("rank", what, lambda: partial(module.rank, maps), _bytes(maps) + 4 * maps.numel())


def _update(module, device: str, dtype: torch.dtype, size: int, copies: int, k: int) -> Iterator[Case]:
    images = _images(device, dtype, size, copies)
    given = [images - 0.4, images, images.flip(2), images.flip(3), torch.zeros_like(images)]
    ssa = {"stride": -0.006, "epsilon": 16 / 255, "radius": 3, "normalise": True, "decay": 1.0}
    what = f"{copies} images of 3x{size}: smoothing to the sum"
    yield Case("update", what, lambda: partial(module.update, *given, **ssa), 8 * _bytes(images))


def _resample(module, device: str, dtype: torch.dtype, size: int, copies: int, k: int) -> Iterator[Case]:
    images, outer = _images(device, dtype, size, copies), int(size * 1.15)
    sizes, starts = torch.full((copies, 2), (size + outer) // 2), torch.zeros(copies, 2, dtype=torch.int64)
    what = f"{copies} images of 3x{size} into {outer}"
    yield Case(
        "resample",
        what,
        lambda: partial(module.resize_into, images, (outer, outer), sizes, starts),
        _bytes(images) + _bytes(images) * outer**2 // images[0, 0].numel(),
    )
