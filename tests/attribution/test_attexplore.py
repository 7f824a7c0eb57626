"""AttEXplore against a straight-line implementation of the published algorithm."""

import numpy as np
import pytest
import scipy.fft
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import attx
from attx.rng import Rows, Stream
from tests.toy_models import SmallCNN

EPSILON = 16 / 255


def published(model, x0, y, *, steps=10, noise=None, mask=None, rho=0.0, sigma=0.0, softmax=2, direction=-1, decay=1.0):
    """The published loop, one image and copy at a time; `noise`, `mask`: draws, (steps, N, copies, C, H, W)."""
    k = torch.exp(-(torch.arange(-3.0, 4.0, dtype=x0.dtype) ** 2) / 2)
    kernel = (torch.outer(k, k) / torch.outer(k, k).sum()).expand(3, 1, 7, 7)
    x, attribution = x0.clone(), torch.zeros_like(x0)
    momentum = torch.zeros_like(x0)
    for step in range(steps):
        gradient = torch.zeros_like(x0)
        for i in range(len(x0)):
            copies = 1 if noise is None else noise.shape[2]
            for copy in range(copies):
                z = x[i]
                if noise is not None:
                    spectrum = scipy.fft.dctn((z + sigma * noise[step, i, copy]).numpy(), axes=(1, 2))
                    masked = spectrum * (mask[step, i, copy] * 2 * rho + 1 - rho).numpy()
                    z = torch.from_numpy(scipy.fft.idctn(masked, axes=(1, 2)))
                z = z.clone().requires_grad_()
                out = model(z[None])
                for _ in range(softmax):
                    out = torch.softmax(out, 1)
                F.cross_entropy(out, y[i : i + 1]).backward()
                gradient[i] += z.grad / copies
        gradient = F.conv2d(gradient, kernel, padding=3, groups=3)
        gradient = gradient / gradient.abs().mean((1, 2, 3), keepdim=True)
        momentum = decay * momentum + gradient
        moved = x + direction * EPSILON / steps * momentum.sign()
        moved = torch.clamp(x0 + torch.clamp(moved - x0, -EPSILON, EPSILON), 0, 1)
        attribution += direction * (moved - x) * momentum
        x = moved
    return attribution


def relative(found, expected):
    return (found - expected).abs().max() / expected.abs().max()


@pytest.fixture
def case():
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(3, 3, 17, 21, dtype=torch.float64, generator=generator)
    return SmallCNN(10).double(), x, torch.tensor([2, 0, 9])


PLAIN = {"sigma": 0, "rho": 0, "diversity_prob": 0, "copies": 1}


@pytest.mark.parametrize("softmax", [0, 2])
@pytest.mark.parametrize("direction", [-1, 1])
def test_deterministic_setting_equals_the_published_loop(case, deviation, direction, softmax):
    model, x, y = case
    found = attx.AttEXplore(model, direction=direction, softmax=softmax, **PLAIN).attribute(x, target=y)
    expected = published(model, x, y, direction=direction, softmax=softmax)
    deviation("`attexplore`, maps", "published loop, nothing drawn", relative(found, expected), 1e-10)


def test_one_step_in_float32_equals_float64(case, deviation):
    model, x, y = case
    exact = published(model, x, y, steps=1)
    found = attx.AttEXplore(model.float(), steps=np.int64(1), epsilon=np.float32(EPSILON), **PLAIN).attribute(
        x.float(), target=y
    )
    deviation("`attexplore`, maps of one step in float32", "published loop", relative(found, exact), 1e-4)


def test_random_setting_equals_the_published_loop_on_the_same_draws(case, deviation):
    model, x, y = case
    ids, copies, steps = ["a", "b", "c"], 4, 3
    rows = [Rows.of(3407, ids, copies, step) for step in range(steps)]
    noise, mask = (
        torch.stack([draw(r).reshape(3, copies, *x.shape[1:]) for r in rows])
        for draw in (
            lambda r: r.normal(Stream.NOISE, x.shape[1:], x),
            lambda r: r.uniform(Stream.SPECTRUM, x.shape[1:], x),
        )
    )
    # it is drawn for the spectrum
    noise = torch.from_numpy(scipy.fft.idctn(noise.numpy(), axes=(-2, -1), norm="ortho"))
    method = attx.AttEXplore(model, copies=copies, steps=steps, diversity_prob=0, rho=0.5, sigma=16 / 255)
    found = method.attribute(x, target=y, image_ids=ids)
    expected = published(model, x, y, steps=steps, noise=noise, mask=mask, rho=0.5, sigma=16 / 255)
    deviation("`attexplore`, maps", "published loop, same draws", relative(found, expected), 1e-10)


def test_without_clipping_it_is_alpha_times_the_sum_of_absolute_gradients(case):
    model, x, y = case
    x = 0.3 + 0.4 * x  # epsilon away from 0 and 1
    path = attx.load_attack("ssa", steps=4, copies=2, direction=-1, softmax=2).run(model, x, y)
    found = attx.AttEXplore(model, steps=4, copies=2).attribute(x, target=y)
    assert torch.allclose(found, EPSILON / 4 * path.gradients.abs().sum(0), atol=1e-12)


@settings(max_examples=15)
@given(order=st.permutations(range(4)), cut=st.integers(1, 4), batch_size=st.integers(1, 9))
def test_maps_do_not_depend_on_order_shards_or_batch_size(order, cut, batch_size):
    model = SmallCNN(10).double()
    x = torch.rand(4, 3, 11, 13, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y, ids = torch.tensor([1, 2, 3, 4]), ["n1/a.jpg", "n1/b.jpg", "n2/a.jpg", 7]
    settings_ = {"steps": 2, "copies": 3}
    whole = attx.AttEXplore(model, **settings_).attribute(x, target=y, image_ids=ids)
    method = attx.AttEXplore(model, batch_size=batch_size, **settings_)
    for part in (order[:cut], order[cut:]):
        if part:
            found = method.attribute(x[part], target=y[part], image_ids=[ids[i] for i in part])
            assert torch.allclose(found, whole[part], rtol=1e-6, atol=1e-9)


def test_draws_are_bit_equal_whatever_shares_the_batch():
    x = torch.empty(0)
    together = Rows.of(1, ["a", "b", "c"], copies=3, step=5)
    alone = Rows.of(1, ["b"], copies=3, step=5).take([2])
    row = together.take([5])
    assert (row.image, row.copy) == ([1], [2])
    for draw in (Rows.normal, Rows.uniform):
        assert torch.equal(draw(row, Stream.NOISE, (3, 5, 5), x), draw(alone, Stream.NOISE, (3, 5, 5), x))
    different = [Rows.of(2, ["b"], 3, 5).take([2]), alone.take([0]).at(6), Rows.of(1, ["b"], 3, 5).take([1])]
    for other in different:
        assert not torch.equal(other.uniform(Stream.NOISE, (9,), x), alone.uniform(Stream.NOISE, (9,), x))
    assert not torch.equal(alone.uniform(Stream.SPECTRUM, (9,), x), alone.uniform(Stream.NOISE, (9,), x))


def test_a_model_of_one_size_gets_one_size(case):
    model, x, y = case
    model.fixed_size, seen = True, set()
    model.register_forward_pre_hook(lambda _, inputs: seen.add(tuple(inputs[0].shape[2:])))
    attx.AttEXplore(model, steps=1, copies=8).attribute(x, target=y)
    assert seen == {(17, 21)}
    del model.fixed_size
    attx.AttEXplore(model, steps=1, copies=8).attribute(x, target=y)
    assert seen == {(17, 21), (int(17 * 1.15), int(21 * 1.15))}


def test_saturated_gradients_give_zeros_not_nan(case):
    _, x, y = case
    flat = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 17 * 21, 10).double())
    torch.nn.init.zeros_(flat[1].weight)
    found = attx.AttEXplore(flat, **PLAIN).attribute(x, target=y)
    assert np.isfinite(found.numpy()).all()
    assert not found.any()


def test_wrong_arguments_say_so(case):
    model, x, y = case
    for wrong, message in (
        ({"copes": 3}, "did you mean 'copies'"),
        ({"attack": "sa"}, "did you mean 'ssa'"),
        ({"direction": 2}, "direction"),
        ({"steps": 0}, "steps"),
    ):
        with pytest.raises(attx.UserError, match=message):
            attx.AttEXplore(model, **wrong)
    with pytest.raises(attx.UserError, match="one for each"):
        attx.AttEXplore(model).attribute(x, target=[1, 2])
    with pytest.raises(attx.UserError, match=r"images of shape \(3, 17, 21\): give \(N, C, H, W\)"):
        attx.AttEXplore(model).attribute(x[0], target=1)
    with pytest.raises(attx.UserError, match="2 image ids"):
        attx.AttEXplore(model, **PLAIN).attribute(x, target=y, image_ids=["a", "b"])
