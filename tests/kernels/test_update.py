"""A step of an attack in one kernel, against the parts written out, and along whole runs."""

import pytest
import torch
from attx_kernels import dispatch
from attx_kernels.update import moved, update
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from attx import registry
from attx.gradients.post import Average, L1Normalise, Momentum, Smooth
from attx.gradients.step import DecayingSign, Sign
from attx.gradients.update import advance
from tests.kernels.conftest import forced
from tests.toy_models import SmallCNN

EPSILON, STRIDE = 0.1, -0.017


def case(shape, dtype=torch.float64, last=False, seed=0):
    """Gradient, a point near its start, the start, momentum."""
    draw = torch.Generator().manual_seed(seed)
    gradient, shift, momentum = torch.randn(3, *shape, generator=draw, dtype=torch.float64)
    start = torch.rand(shape, generator=draw, dtype=torch.float64)
    point = (start + EPSILON * shift.clamp(-1, 1)).clamp(0, 1)
    layout = torch.channels_last if last else torch.contiguous_format
    return tuple(x.to(dtype).contiguous(memory_format=layout) for x in (gradient, point, start, momentum))


def stepped(gradient, point, start, momentum, **settings):
    total = torch.full_like(point, 0.5)
    return *update(gradient, point, start, momentum, total, stride=STRIDE, epsilon=EPSILON, **settings), total


def by_numpy(gradient, point, start, momentum, *, radius, sigma, normalise, decay):
    """In float64, smoothing by scipy."""
    gradient, point, start, momentum = (x.double() for x in (gradient, point, start, momentum))
    if radius:
        smoothed = ndimage.gaussian_filter(gradient.numpy(), sigma, mode="constant", radius=radius, axes=(2, 3))
        gradient = torch.from_numpy(smoothed)
    if normalise:
        gradient = torch.stack([g / g.abs().mean() if g.any() else g for g in gradient])
    gradient = gradient + decay * momentum
    following = torch.minimum(torch.maximum(point + STRIDE * gradient.sign(), start - EPSILON), start + EPSILON)
    following = following.clamp(0, 1)
    return gradient, following, 0.5 + (following - point) * gradient


SETTINGS = st.fixed_dictionaries(
    {
        "radius": st.sampled_from([0, 1, 3]),
        "sigma": st.sampled_from([0.7, 3.0]),
        "normalise": st.booleans(),
        "decay": st.sampled_from([0.0, 1.0, 0.3]),
    }
)


@settings(max_examples=15)
@given(
    images=st.integers(1, 3),
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 36),
    width=st.integers(1, 70),
    last=st.booleans(),
    dtype=st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]),
    chosen=SETTINGS,
)
def test_equals_the_parts_written_out(both_ways, images, channels, height, width, last, dtype, chosen):
    tensors = case((images, channels, height, width), dtype, last)
    expected = by_numpy(*tensors, **chosen)
    clear = expected[0].abs() > 64 * torch.finfo(dtype).eps  # elsewhere rounding may turn the sign
    for found in both_ways(stepped, *tensors, **chosen):
        for x, y in zip(found, expected, strict=True):
            assert x.dtype == dtype
            error = (x.double() - y).abs() / y.abs().clamp(min=1)
            assert error[clear].numel() == 0 or error[clear].max() < 16 * torch.finfo(dtype).eps
        assert ((found[1].double() - tensors[1].double()).abs() < abs(STRIDE) + 2 * torch.finfo(dtype).eps).all()


@pytest.mark.parametrize("chosen", [{"radius": 2}, {"normalise": True}, {"decay": 1.0, "normalise": True}])
def test_no_gradient_no_step(both_ways, chosen):
    gradient, point, start, momentum = case((2, 3, 9, 8))
    gradient[1], momentum[1] = 0, 0
    for used, following, total in both_ways(stepped, gradient, point, start, momentum, **chosen):
        assert torch.equal(used[1], gradient[1])
        assert torch.allclose(following[1], point[1], atol=1e-15)
        assert torch.allclose(total[1], torch.tensor(0.5, dtype=torch.float64), atol=1e-15)


def test_any_strides(both_ways):
    """Each tensor laid out in another way; the images are parts of larger ones."""
    plain = case((2, 3, 12, 10))
    odd = [torch.zeros(2, 3, 13, 20, dtype=torch.float64)[:, :, 1:, ::2] for _ in plain]
    odd = [x.copy_(y) for x, y in zip(odd, plain, strict=True)]
    mixed = [x.contiguous(memory_format=torch.channels_last) if i % 2 else x for i, x in enumerate(plain)]
    chosen = {"radius": 2, "normalise": True, "decay": 0.5}
    expected = stepped(*plain, **chosen)
    for tensors in (odd, mixed):
        for found in both_ways(stepped, *tensors, **chosen):
            assert all(torch.allclose(x, y, atol=1e-14) for x, y in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    "post",
    [
        (),
        (Smooth(2, 1.5),),
        (L1Normalise(), Momentum(0.8)),
        (Smooth(), L1Normalise(), Momentum()),
        (Momentum(0.0),),
        (Momentum(), L1Normalise()),  # not in the kernel's order
        (Average(),),
        (L1Normalise(), Momentum(), DecayingSign()),  # the last is the move
    ],
)
def test_parts_are_the_kernel_where_they_can_be(post):
    move = post[-1] if post and isinstance(post[-1], DecayingSign) else Sign()
    post = tuple(part for part in post if part is not move)
    memories = [{"epsilon": EPSILON, "stride": STRIDE} for _ in range(3)]
    for seed in range(3):
        gradient, point, start, _ = case((2, 3, 7, 6), seed=seed)
        expected = gradient
        for part in post:
            expected = part(expected, memories[0])
        following = moved(point, start, STRIDE * move(expected, memories[0]), EPSILON)
        for way, memory in zip(dispatch.WAYS, memories[1:], strict=True):
            total = torch.zeros_like(point)
            with forced(way):
                found = advance(post, move, gradient, point, start, memory, total)
            for x, y in zip((*found, total), (expected, following, (following - point) * expected), strict=True):
                assert torch.allclose(x, y, atol=1e-13)
            assert memory.keys() == memories[0].keys()


@pytest.mark.parametrize(
    "chosen",
    [{"attack": "ssa", "copies": 3}, {"attack": "ti"}, {"attack": "bim"}, {"attack": "gra", "copies": 2}],
)
def test_whole_runs_agree(chosen):
    model, images = SmallCNN(5).double(), case((2, 3, 9, 8))[2]
    model.requires_grad_(False)
    found = []
    for way in dispatch.WAYS:
        method = registry.load("attribution", "attexplore").build(**chosen, steps=3)
        with forced(way):
            found.append(method(model, images, torch.tensor([1, 4]), ["a", "b"]))
    assert (found[0] - found[1]).abs().max() <= 1e-12 * found[0].abs().max()
