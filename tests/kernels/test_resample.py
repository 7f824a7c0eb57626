"""Resizing into a larger picture against torch's own, by bands and by whole matrices."""

import pytest
import torch
import torch.nn.functional as F
from attx_kernels import resample
from hypothesis import given
from hypothesis import strategies as st


def expected(x, outer, sizes, starts):
    out = []
    for picture, (h, w), (top, left) in zip(x, sizes.tolist(), starts.tolist(), strict=True):
        resized = F.interpolate(picture[None], (h, w), mode="bilinear", align_corners=False)
        out.append(F.pad(resized, (left, outer[1] - w - left, top, outer[0] - h - top)))
    return torch.cat(out)


def dense(x, outer, sizes, starts):
    vertical, horizontal = resample._matrices(x, outer, sizes, starts)
    return vertical[:, None] @ x @ horizontal[:, None].transpose(-1, -2)


@pytest.mark.parametrize("way", [resample.resize_into, dense])
@given(side=st.tuples(*[st.integers(1, 30)] * 2), outer=st.tuples(*[st.integers(1, 40)] * 2), seed=st.integers(0, 99))
def test_values_and_gradients_are_those_of_interpolate(way, side, outer, seed):
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(2, 3, 2, generator=generator)
    sizes = 1 + (draw[0] * torch.tensor(outer)).long().clamp(max=torch.tensor(outer) - 1)
    starts = (draw[1] * (torch.tensor(outer) - sizes + 1)).long()
    x = torch.rand(3, 2, *side, dtype=torch.float64, generator=generator, requires_grad=True)
    weight = torch.rand(3, 2, *outer, dtype=torch.float64, generator=generator)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resample, "LINES", 7)
        found = way(x, outer, sizes, starts)
        gradient = torch.autograd.grad((found * weight).sum(), x)[0]
    right = expected(x, outer, sizes, starts)
    assert torch.allclose(found, right, atol=1e-12)
    assert torch.allclose(gradient, torch.autograd.grad((right * weight).sum(), x)[0], atol=1e-12)


def test_the_weights_of_a_gpu_are_those_of_a_cpu():
    size, start = torch.tensor([[5], [9], [14]]), torch.tensor([[2], [0], [0]])
    line = torch.arange(14) - start
    source = ((line + 0.5) * (9 / size.double()) - 0.5).clamp(0, 8)
    inside = (line >= 0) & (line < size)
    expected = resample._matrix(torch.empty(0, dtype=torch.float64), 9, 14, size, start)
    assert torch.allclose(resample._tents(source, 9) * inside[..., None], expected, atol=1e-14)
