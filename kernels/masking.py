"""Half-shown images for insertion and deletion, straight from image, substrate and rank map.

out[row] = images[i] where (ranks[i] < threshold[row]) == inserting[row], else covers[i], with i = image[row]. Both ways
choose values and compute none, so they agree to the bit; images and covers come normalised and cast already.
"""

from collections.abc import Callable, Sequence

import torch
from attx_kernels import dispatch
from attx_kernels.dispatch import jit, tl, triton
from attx_kernels.layout import memory_format
from attx_kernels.tune import tuned
from torch import Tensor

# Bytes that a program writes: of the first each of 256 threads moves 16, the widest load there is. Values are chosen,
# not computed, so any setting gives the same bits.
SETTINGS = (
    {"BYTES": 4096, "num_warps": 8},
    {"BYTES": 2048, "num_warps": 4},
    {"BYTES": 4096, "num_warps": 4},
    {"BYTES": 8192, "num_warps": 8},
    {"BYTES": 8192, "num_warps": 4},
)
BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes an element


def mixer(
    images: Tensor,
    covers: Tensor,
    ranks: Tensor,
    image: Sequence[int],
    threshold: Sequence[int],
    inserting: Sequence[bool],
) -> Callable[[int, int], Tensor]:
    """mix(start, stop) -> the rows start ... stop - 1, in the dtype and the memory format of `images`.

    `images` and `covers` (N, C, H, W); `ranks` (N, 1 or C, H, W) int32, 0 and above; of each row the image's index, how
    many ranks are reached (0 and above) and whether these show the image, or cover it. Tensors are prepared here, once.
    """
    layout = memory_format(images)
    images, covers = (x.detach().contiguous(memory_format=layout) for x in (images, covers.expand_as(images)))
    rows = list(zip(image, threshold, inserting, strict=True))
    if dispatch.way("masking", images) == "triton":
        return _by_triton(images, covers, ranks, rows)
    if images.device.type != "cpu":
        return _by_index(images, covers, ranks, rows)
    return _by_bits(images, covers, ranks, rows)


def _by_bits(images: Tensor, covers: Tensor, ranks: Tensor, rows: list) -> Callable[[int, int], Tensor]:
    """cover ^ ((image ^ cover) & mask), row by row: torch vectorises these on a CPU, and not `where`."""
    bits, layout = BITS[images.element_size()], memory_format(images)
    if layout == torch.channels_last:  # a mask that one channel has would be spread over three again and again
        ranks = ranks.expand_as(images).contiguous(memory_format=layout)
    images_, covers_ = images.view(bits), covers.view(bits)
    differing = images_ ^ covers_

    def mix(start: int, stop: int) -> Tensor:
        out = torch.empty((stop - start, *images.shape[1:]), dtype=images.dtype, memory_format=layout)
        shown, last = None, None
        for target, (index, threshold, inserting) in zip(out.view(bits), rows[start:stop], strict=True):
            if last != (index, threshold):  # insertion and deletion have it in common
                mask = (ranks[index] - min(threshold, 2**31 - 1)) >> 31  # -1, all bits, where reached
                shown, last = differing[index] & mask.to(bits), (index, threshold)
            torch.bitwise_xor(shown, (covers_ if inserting else images_)[index], out=target)
        return out

    return mix


def _by_index(images: Tensor, covers: Tensor, ranks: Tensor, rows: list) -> Callable[[int, int], Tensor]:
    image, threshold, inserting = _columns(rows, images.device)

    def mix(start: int, stop: int) -> Tensor:
        part = image[start:stop].long()
        reached = ranks[part] < threshold[start:stop, None, None, None]
        return torch.where(reached == inserting[start:stop, None, None, None], images[part], covers[part])

    return mix


def _by_triton(images: Tensor, covers: Tensor, ranks: Tensor, rows: list) -> Callable[[int, int], Tensor]:
    """A program writes a block of one row, or, in plain layout, of one channel of a row."""
    layout, (channels, height, width) = memory_format(images), images.shape[1:]
    ranks = ranks.contiguous(memory_format=layout)
    last = layout == torch.channels_last
    planes, inner = (1, channels * height * width) if last else (channels, height * width)
    image, threshold, inserting = _columns(rows, images.device)

    def mix(start: int, stop: int) -> Tensor:
        shape = stop - start, *images.shape[1:]
        out = torch.empty(shape, dtype=images.dtype, device=images.device, memory_format=layout)

        def grid(settings: dict) -> tuple[int, int, int]:
            return triton.cdiv(inner * images.element_size(), settings["BYTES"]), planes, stop - start

        with torch.cuda.device_of(images):
            _mix[grid](
                *(images, covers, ranks, out, image[start:], threshold[start:], inserting[start:], inner),
                SHARED=channels if last and ranks.shape[1] == 1 else 1,
                PLAIN=not last and ranks.shape[1] == 1,
            )
        return out

    return mix


def _columns(rows: list, device: torch.device) -> Tensor:
    """Index, threshold and direction, each (rows,) int32, on the device."""
    table = [(index, min(threshold, 2**31 - 1), int(inserting)) for index, threshold, inserting in rows]
    return torch.tensor(table, dtype=torch.int32).reshape(-1, 3).T.contiguous().to(device)


@tuned(*SETTINGS, key=["inner", "SHARED", "PLAIN"])
@jit
def _mix(
    images,
    covers,
    ranks,
    out,
    image,
    threshold,
    inserting,
    inner,
    SHARED: tl.constexpr,  # neighbours in memory that have one rank
    PLAIN: tl.constexpr,  # planes that have one rank map
    BYTES: tl.constexpr,
):
    BLOCK: tl.constexpr = BYTES * 8 // out.dtype.element_ty.primitive_bitwidth
    plane, planes, row = tl.program_id(1), tl.num_programs(1), tl.program_id(2)
    index = tl.load(image + row).to(tl.int64)
    within = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    valid = within < inner
    place = (index * planes + plane) * inner + within
    rank = index * inner + within if PLAIN else (index * planes + plane) * (inner // SHARED) + within // SHARED
    reached = tl.load(ranks + rank, mask=valid, other=0) < tl.load(threshold + row)
    wanted = tl.load(inserting + row) != 0
    image_value = tl.load(images + place, mask=valid, other=0)
    cover_value = tl.load(covers + place, mask=valid, other=0)
    target = (row.to(tl.int64) * planes + plane) * inner + within
    tl.store(out + target, tl.where(reached == wanted, image_value, cover_value), mask=valid)
