"""Softmax, norm and attention written in functions that have a rule of their own in DeepLIFT and LRP."""

import torch.nn.functional as F
from torch import Tensor


def softmax(x: Tensor, dim: int, *_, **__) -> Tensor:
    """By exponentials; all are divided by one number for each sum, the same in all rows, which cancels."""
    top = x.detach().amax(dim, keepdim=True).amax(0, keepdim=True)
    e = (x - top).exp()
    return e / e.sum(dim, keepdim=True)


def layer_norm(
    x: Tensor, shape: list[int], weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Centred, divided by the root of the mean square."""
    dims = tuple(range(-len(shape), 0))
    x = x - x.mean(dims, keepdim=True)
    x = x * ((x * x).mean(dims, keepdim=True) + eps).rsqrt()
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def norm(x: Tensor, p: object = 2, dim: object = None, keepdim: bool = False, **_) -> Tensor:
    """Euclidean."""
    if p not in (2, "fro", None):
        raise NotImplementedError("other than Euclidean")
    return (x * x).sum(dim, keepdim=keepdim).sqrt()


def normalize(x: Tensor, p: float = 2, dim: int = 1, eps: float = 1e-12, **_) -> Tensor:
    """Divided by the Euclidean norm."""
    return x / norm(x, p, dim, keepdim=True).clamp(min=eps)


def addcmul(x: Tensor, a: Tensor, b: Tensor, *, value: float = 1) -> Tensor:
    """x + value a b."""
    return x + value * (a * b)


def attention(
    q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0, *_, scale=None, **more
) -> Tensor:
    """scaled_dot_product_attention; NotImplementedError with a boolean mask, which would be of no use to images."""
    if _ or any(more.values()) or (attn_mask is not None and not attn_mask.is_floating_point()):
        raise NotImplementedError("with a boolean or causal mask")
    scores = (q * (q.shape[-1] ** -0.5 if scale is None else scale)) @ k.transpose(-2, -1)
    return (scores if attn_mask is None else scores + attn_mask).softmax(-1) @ v


def self_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    width: int,
    heads: int,
    weight: Tensor,
    bias: Tensor | None,
    *more,
    **masks,
) -> tuple[Tensor, None]:
    """multi_head_attention_forward, (tokens, N, D), of one tensor with itself and without masks."""
    bias_k, _, add_zero, _, out_weight, out_bias = more[:6]
    masked = masks.get("attn_mask") is not None or masks.get("key_padding_mask") is not None
    if query is not key or key is not value or weight is None or bias_k is not None or add_zero or masked:
        raise NotImplementedError("other than of one tensor with itself, without a mask")
    parts = F.linear(query.transpose(0, 1), weight, bias).chunk(3, -1)
    q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in parts)
    found = attention(q, k, v).transpose(1, 2).flatten(2)
    return F.linear(found, out_weight, out_bias).transpose(0, 1), None


COMPOSED = {
    "softmax": softmax,
    "layer_norm": layer_norm,
    "norm": norm,
    "addcmul": addcmul,
    "normalize": normalize,
    "scaled_dot_product_attention": attention,
    "multi_head_attention_forward": self_attention,
}
