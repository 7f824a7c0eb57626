"""The three orders in which insertion and deletion take the pixels; their scores are not comparable with each other."""

from attx_kernels.rank import rank
from torch import Tensor

from attx.errors import UserError, unknown


def _rise_2d(attributions: Tensor) -> Tensor:
    return rank(attributions.sum(1).flatten(1)).unsqueeze(1)


def _channel_union(attributions: Tensor) -> Tensor:
    # Overwriting every channel at the union of the channels' first k is showing a pixel once any channel reaches it.
    n, c = attributions.shape[:2]
    return rank(attributions.reshape(n * c, -1)).reshape(n, c, -1).amin(1, keepdim=True)


def _flat_3hw(attributions: Tensor) -> Tensor:
    return rank(attributions.flatten(1)).unflatten(1, (attributions.shape[1], -1))


ORDERS = {"rise_2d": _rise_2d, "channel_union": _channel_union, "flat_3hw": _flat_3hw}


def rank_map(attributions: Tensor, *, order: str, channels: int) -> Tensor:
    """When each pixel's turn comes, int32, from attributions (N, 1 or `channels`, H, W); ties go to the lowest index.

    rise_2d (N, 1, H, W): rank of the channel sum (RISE). channel_union (N, 1, H, W): the least of a pixel's ranks
    within each channel (the AttEXplore code). flat_3hw (N, channels, H, W): rank among all values, a map without
    channels repeated over them. Raises UserError for an unknown order.
    """
    if order not in ORDERS:
        raise unknown("order", order, ORDERS)
    height, width = attributions.shape[2:]
    if order == "flat_3hw":
        attributions = attributions.expand(-1, channels, -1, -1)
    return ORDERS[order](attributions).unflatten(2, (height, width))


def check_attributions(attributions: Tensor, images: Tensor) -> Tensor:
    """Attributions (N, C, H, W), (N, 1, H, W) or (N, H, W) as a floating (N, C or 1, H, W) on the device of `images`.

    Raises UserError where the shapes do not fit the images (N, C, H, W) or a value is NaN or infinite.
    """
    given = tuple(attributions.shape)
    attributions = attributions.detach().to(images.device)
    attributions = attributions if attributions.is_floating_point() else attributions.double()
    attributions = attributions.unsqueeze(1) if attributions.ndim == 3 else attributions
    n, c, height, width = images.shape
    if tuple(attributions.shape) not in {(n, c, height, width), (n, 1, height, width)}:
        raise UserError(
            f"attributions of shape {given} do not fit images of shape {tuple(images.shape)}: "
            f"give {(n, c, height, width)}, {(n, 1, height, width)} or {(n, height, width)}"
        )
    bad = (~attributions.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
    if bad:
        raise UserError(f"attributions of images {bad} (counted from 0) are NaN or infinite in places: no rank")
    return attributions
