"""What is done beside the model's passes stays small: operators called, memory taken and numbers drawn, not seconds.

The model (`Recorder`) costs next to nothing, so all of the cost is attx's. A budget that is too small for a better
method may be raised, for a reason; one that has become too large should be lowered.
"""

import pytest
import torch
from attx_kernels import philox
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from attx import registry
from attx.attribution.forward import counted
from attx.metrics.insertion_deletion import insertion_deletion
from benchmarks.floor import Recorder
from tests.toy_models import SmallCNN

SIZE, IMAGES, BATCH = 32, 2, 16
IMAGE = 3 * SIZE**2 * 4  # bytes


class Cost(TorchDispatchMode):
    """How many operators ran within the block, and how many bytes of new memory their results took."""

    calls = bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        tensors = [[x for x in tree_leaves(part) if isinstance(x, torch.Tensor)] for part in ((args, kwargs), result)]
        held, made = ({x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in part} for part in tensors)
        self.calls += 1
        self.bytes += sum(size for place, size in made.items() if place not in held)
        return result


@pytest.fixture(scope="module")
def case():
    small = SmallCNN(10)
    small.classes, small.fixed_size = 10, False
    images = torch.rand(IMAGES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    return Recorder(small), images, torch.tensor([1, 2])


def attribution(case, steps, copies):
    model, images, targets = case
    method = registry.load("attribution", "attexplore").build(steps=steps, copies=copies, batch_size=BATCH)
    method(model, images, targets, [0, 1])  # what is made once is there
    with Cost() as cost:
        method(model, images, targets, [0, 1])
    return cost


def sweep(case, pixels_per_step):
    model, images, targets = case
    with Cost() as cost:
        insertion_deletion(model, images, images.flip(2), "rise_2d", pixels_per_step, "zeros", targets, BATCH)
    return cost


def test_no_pass_is_made_in_vain(case):
    model, images, targets = case
    with counted(model) as passes:
        registry.load("attribution", "attexplore").build(steps=3, copies=5)(model, images, targets, [0, 1])
    assert (passes.forward, passes.backward) == (IMAGES * 3 * 5, IMAGES * 3 * 5)
    with counted(model) as passes:
        insertion_deletion(model, images, images, pixels_per_step=100)  # 12 points, of which the curves share the outer
    assert (passes.forward, passes.backward) == (IMAGES * 2 * 11, 0)


def test_an_attributions_copy_and_step_cost_little_beside_their_passes(case):
    least, longer, wider = (attribution(case, *size) for size in ((1, 8), (2, 8), (1, 24)))
    copies = IMAGES * (24 - 8)
    assert (wider.calls - least.calls) / copies <= 35
    assert (wider.bytes - least.bytes) / copies <= 10 * IMAGE
    assert longer.calls - least.calls <= 800


def test_a_half_shown_image_costs_little_beside_its_pass(case):
    coarse, fine = sweep(case, 64), sweep(case, 16)
    shown = IMAGES * 2 * (SIZE**2 // 16 - SIZE**2 // 64)
    assert (fine.calls - coarse.calls) / shown <= 6
    assert (fine.bytes - coarse.bytes) / shown <= 2.2 * IMAGE  # itself, and a mask for two of them
    assert coarse.calls <= 450


def test_no_number_is_drawn_twice(case, monkeypatch):
    model, images, targets = case
    drawn, words = [], philox.words

    def counting(key, counter, count):
        drawn.append(count)
        return words(key, counter, count)

    monkeypatch.setattr(philox, "words", counting)
    registry.load("attribution", "attexplore").build(steps=2, copies=4)(model, images, targets, [0, 1])
    noise_and_mask = 2 * 3 * SIZE**2
    assert sum(drawn) <= IMAGES * 2 * 4 * (noise_and_mask + 20)  # and a few for the diversity transform
    assert sum(drawn) >= IMAGES * 2 * 4 * noise_and_mask
