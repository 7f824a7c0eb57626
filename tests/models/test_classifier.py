"""The contract every model is wrapped in: normalisation inside, no weight gradients, one check of what comes out."""

import copy
from functools import partial

import pytest
import torch
from torch import nn
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.backends.debugging import aot_eager
from torch._functorch import config as functorch_config
from torch._functorch.aot_autograd import make_boxed_func
from torch._inductor import config as inductor_config

from attx.errors import UserError
from attx.layers import features
from attx.models.classifier import Classifier, filled
from attx.models.loading import load_model
from attx.preprocess import Preprocess

IMAGES = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
TRANSFORM = Preprocess(size=8, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2.0))


class Flat(nn.Module):
    """The three channel means, changed by `then`."""

    def __init__(self, then=lambda logits: logits):
        super().__init__()
        self.then = then
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, images):
        return self.then(images.mean((2, 3)) * self.weight)


def wrapped(then=lambda logits: logits, **settings):
    return Classifier(Flat(then), preprocess=TRANSFORM, **{"classes": 3} | settings)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normalises_inside(dtype):
    images = IMAGES.to(dtype)
    want = (images.mean((2, 3)) - torch.tensor([0.1, 0.2, 0.3])) / torch.tensor([0.5, 0.25, 2.0])
    logits = wrapped().to(dtype)(images)
    assert logits.dtype == dtype
    torch.testing.assert_close(logits, want.to(dtype), rtol=0, atol=1e-6)


def test_backward_reaches_the_images_and_no_parameter():
    model = wrapped()
    images = IMAGES.clone().requires_grad_()
    model(images).sum().backward()
    assert images.grad.abs().min() > 0
    assert all(not p.requires_grad and p.grad is None for p in model.parameters())
    assert not model.training


@pytest.mark.parametrize(
    ("then", "complaint"),
    [
        (lambda logits: (logits, logits), "a tuple, not a tensor"),
        (lambda logits: {"logits": logits}, "a dict, not a tensor"),
        (lambda logits: logits[:, :2], r"\(2, 2\) for 2 images, not \(2, 3\)"),
        (lambda logits: logits[..., None], r"\(2, 3, 1\)"),
        (lambda logits: logits * torch.nan, "NaN"),
        (lambda logits: logits + torch.tensor([0, torch.inf, 0]), "infinite"),
    ],
)
def test_refuses_what_is_not_logits(then, complaint):
    with pytest.raises(UserError, match=complaint):
        wrapped(then)(IMAGES)


def test_classes_may_be_ruled_out_by_minus_infinity():
    masked = wrapped(lambda logits: logits + torch.tensor([0, -torch.inf, 0]))
    assert masked(IMAGES)[:, 1].eq(-torch.inf).all()


def test_fixed_size_names_both_sizes():
    with pytest.raises(UserError, match=r"8x8 alone, not \(8, 9\)"):
        wrapped(fixed_size=True)(torch.rand(1, 3, 8, 9))


def small():
    return load_model("net", use="python", function="tests.toy_models:small_cnn", size=24, classes=1000)


PIXELS = torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(0))


def with_gradient(model, images):
    leaf = images.clone().requires_grad_()
    logits = model(leaf)
    return logits.detach(), torch.autograd.grad(logits.softmax(1)[:, :9].sum(), leaf)[0]


def test_autocast_is_for_the_network_alone():
    model = small()
    logits, gradient = with_gradient(model, PIXELS)
    model.autocast = torch.bfloat16
    seen = []
    model.net.conv.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    coarse, slope = with_gradient(model, PIXELS)
    assert seen == [torch.bfloat16]
    assert coarse.dtype == slope.dtype == torch.float32
    assert not torch.equal(coarse, logits)
    torch.testing.assert_close(coarse.softmax(1), logits.softmax(1), rtol=0.05, atol=1e-4)
    assert (slope - gradient).norm() < 0.05 * gradient.norm()


@pytest.fixture
def compiled():
    """A compiled model, and the shapes that were compiled; by the backend that generates no code."""
    model, made = small().double(), []

    def backend(graph, inputs):
        made.append(next(tuple(x.shape[2:]) for x in inputs if isinstance(x, torch.Tensor) and x.shape[2:3] == (24,)))
        return aot_eager(graph, inputs)

    model.compile_net(backend=backend)
    return model, made


def test_one_compilation_serves_batches_of_all_sizes(compiled):
    model, made = compiled
    plain = small().double()
    for images in (PIXELS, PIXELS[:3], PIXELS[:2], PIXELS[:1], PIXELS[..., :20], PIXELS[:3, ..., :20]):
        for found, want in zip(
            with_gradient(model, images.double()), with_gradient(plain, images.double()), strict=True
        ):
            torch.testing.assert_close(found, want, rtol=1e-12, atol=1e-15)
    assert made == [(24, 24), (24, 20)]


def test_hooks_on_layers_and_copies_with_other_weights_pass_the_compiled_network_by(compiled):
    model, made = compiled
    logits = model(PIXELS.double())
    with features(model, "conv") as layer:
        model(PIXELS.double())
    assert layer.output.shape == (4, 8, 12, 12)
    changed = copy.deepcopy(model)
    changed.net.head.bias.data += 1
    torch.testing.assert_close(changed(PIXELS.double()), logits + 1)
    assert len(made) == 1
    assert [name for name, _ in model.named_children()] == ["net"]


@inductor_config.patch(freezing=False)  # put back after the test
def test_frozen_code_is_for_passes_without_gradients_and_for_the_weights_it_was_made_of():
    model, runs = small(), []
    model.compile_net(frozen=True, backend=lambda graph, inputs: lambda *given: runs.append(1) or graph(*given))
    with_gradient(model, PIXELS)
    assert not runs
    with torch.no_grad():
        logits = model(PIXELS)
        assert len(runs) == 1
        model.net.head.bias.add_(1)
        torch.testing.assert_close(model(PIXELS), logits + 1)
    assert len(runs) == 1


def replaying(modes, sizes):
    """A backend like CUDA graphs: what it returns is overwritten when it next runs with the same shapes."""

    def compiler(graph, inputs):
        held = {}

        def run(*given):
            outputs = list(graph(*given))
            sizes.extend(len(x) for x in outputs[:1] if x is not None)  # of logits; backward it is None
            for i, x in enumerate(outputs):
                if isinstance(x, torch.Tensor):  # a size that was left open is a number
                    outputs[i] = held.setdefault((i, x.shape), torch.empty_like(x)).copy_(x.detach())
            return outputs

        return make_boxed_func(run)

    def backend(graph, inputs, *, mode):
        modes.append(mode)
        return aot_autograd(fw_compiler=compiler, bw_compiler=compiler)(graph, inputs)

    return backend


def test_graphs_replay_few_sizes_and_what_they_return_is_kept():
    modes, sizes, model, plain = [], [], small().double(), small().double()
    model.compile_net(graphs=True, backend=replaying(modes, sizes))
    draw = torch.Generator().manual_seed(0)
    batches = [torch.rand(n, 3, 24, 24, generator=draw, dtype=torch.float64) for n in (40, 33, 35, 2, 40, 1)]
    found = [with_gradient(model, batch) for batch in batches]
    with torch.no_grad():
        found.append((model(batches[1]), found[1][1]))
        found.append((model(model.normalise(batches[2]), normalised=True), found[2][1]))
    slopes = [with_gradient(partial(model, normalised=True), model.normalise(batch))[1] for batch in batches]
    assert set(modes) == {"reduce-overhead"}
    assert set(sizes) == {40, 36, 2}
    for (logits, gradient), batch in zip(found, [*batches, batches[1], batches[2]], strict=True):
        for one, other in zip((logits, gradient), with_gradient(plain, batch), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-15)
    for slope, (_, gradient) in zip(slopes, found, strict=False):
        torch.testing.assert_close(slope, gradient * model.std, rtol=1e-12, atol=1e-15)


def test_sizes_that_batches_are_filled_up_to():
    sizes = [filled(n) for n in range(1, 257)]
    assert sizes[:16] == list(range(1, 17))
    assert all(n <= size < 1.125 * n for n, size in enumerate(sizes, 1))
    assert {size for size in sizes if size > 128} == set(range(144, 257, 16))


@functorch_config.patch(donated_buffer=True)
def test_compiled_code_can_be_gone_through_backward_twice():
    model = small()
    model.compile_net(backend="aot_eager_decomp_partition")
    with_gradient(model, PIXELS)  # compiles a backward pass that might give its buffers away
    leaf = PIXELS.clone().requires_grad_()
    logits = model(leaf)
    first = torch.autograd.grad(logits[:, 0].sum(), leaf, retain_graph=True)[0]
    assert torch.equal(torch.autograd.grad(logits[:, 0].sum(), leaf)[0], first)
