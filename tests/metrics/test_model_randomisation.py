"""Model randomisation: what is randomised and how, and what it says of controls and of methods."""

import numpy as np
import pytest
import torch

from attx import registry
from attx.errors import UserError
from attx.metrics.model_randomisation import build, cascade
from tests.toy_models import SmallCNN

IDS = ["a", "b"]
IMAGES = torch.rand((2, 3, 24, 24), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
CLASSES = torch.tensor([4, 2])


def scored(model, name, stages=2, **params):
    method = registry.load("attribution", name).build(**params)
    seen = []

    def explain(changed, images, targets, image_ids):
        assert torch.equal(targets, CLASSES)
        seen.append(changed)
        return method(changed, images, targets, image_ids).detach()

    maps = method(model, IMAGES, CLASSES, IDS).detach()
    found = build(stages=stages)(model, IMAGES, maps, {"explained": CLASSES}, image_ids=IDS, explain=explain)
    assert len(seen) == stages
    return found


def test_layers_from_the_last_to_the_first_in_a_copy():
    model = torch.nn.Sequential(*(torch.nn.Linear(40, 40) for _ in range(5))).double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    changed = [
        {int(name[0]) for name, value in copied.state_dict().items() if not torch.equal(value, before[name])}
        for copied in cascade(model, 3, seed=1)
    ]
    assert changed == [{3, 4}, {2, 3, 4}, {0, 1, 2, 3, 4}]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    *_, last = cascade(model, 3, seed=1)
    *_, again = cascade(model, 5, seed=1)
    *_, other = cascade(model, 5, seed=2)
    for name, value in last.state_dict().items():  # draws depend on the seed and the name alone
        assert torch.equal(value, again.state_dict()[name])
        assert not torch.equal(value, other.state_dict()[name])
        if name.endswith("weight"):
            assert value.std().item() == pytest.approx(before[name].std().item(), rel=0.1)


@pytest.mark.parametrize("control", ["edges", "random"])
def test_controls_do_not_change(control):
    for name, values in scored(SmallCNN(6).double(), control).items():
        assert (values == 1).all(), name


def test_a_method_that_depends_on_the_model_changes():
    found = scored(SmallCNN(6).double(), "smoothgrad", copies=2)
    curve = found["similarity_curve"]
    assert curve.shape == found["absolute_similarity_curve"].shape == (2, 3)
    assert (curve[:, 0] == 1).all()
    np.testing.assert_allclose(found["randomised_similarity"], curve[:, 1:].mean(1))
    assert (np.abs(curve[:, 1:]) < 0.5).all()


def test_mistakes():
    with pytest.raises(UserError, match="stages 0"):
        build(stages=0)
    with pytest.raises(UserError, match="stages 3: the model has 2 layers"):
        scored(SmallCNN(6).double(), "edges", stages=3)
    with pytest.raises(UserError, match=r"only a torch\.nn\.Module"):
        list(cascade(lambda x: x, 1, seed=0))
