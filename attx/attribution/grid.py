"""Features of any layout as maps: channels last are moved, tokens laid out on their grid, class tokens left out."""

from torch import Tensor

from attx.errors import UserError

MAX_EXTRA = 8  # class, distillation and register tokens


def channels_first(features: Tensor, size: tuple[int, int], name: str) -> Tensor:
    """(N, C, h, w) from that, (N, h, w, C) or (N, tokens, D), of images of `size`; UserError if there is no grid."""
    height, width = size
    if features.ndim == 4:
        first, last = (abs(h / w - height / width) for h, w in (features.shape[2:], features.shape[1:3]))
        return features if first <= last else features.permute(0, 3, 1, 2)
    if features.ndim == 3:
        for extra in range(min(MAX_EXTRA, features.shape[1] - 1) + 1):
            tokens = features.shape[1] - extra
            rows = round((tokens * height / width) ** 0.5)
            if rows and tokens % rows == 0 and rows * width == tokens // rows * height:
                # the tokens that stand for no place come first
                return features[:, extra:].transpose(1, 2).unflatten(2, (rows, tokens // rows))
    raise UserError(
        f"layer {name} gives {tuple(features.shape)}, no map (N, C, h, w) or (N, h, w, C), nor tokens on a grid of the "
        f"image's proportions: name another `layer`"
    )
