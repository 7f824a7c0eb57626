"""The ensemble of stored attributions, in closed form."""

import pytest
import torch

import attx
from attx import registry


def combine(members, scores=None, **params):
    return registry.load("attribution", "attens").build(of=[f"m{i}" for i in range(len(members))], **params)(
        members, *([] if scores is None else [scores])
    )


def test_the_mean_counts_every_member_alike():
    maps = torch.randn(2, 4, 3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = sum(torch.stack([image / image.abs().mean() for image in member]) for member in maps) / 2
    scaled = [maps[0] * torch.tensor([1.0, 1e-6, 50.0, 3.0]).view(4, 1, 1, 1), 7 * maps[1]]
    assert torch.allclose(combine(scaled), expected, atol=1e-12)
    assert torch.allclose(combine([member[2:3] for member in scaled]), expected[2:3], atol=1e-12)
    assert torch.equal(combine([0 * maps[0], maps[1]])[0], maps[1, 0] / maps[1, 0].abs().mean() / 2)


def test_the_best_is_chosen_for_each_image():
    members = [torch.full((3, 1, 2, 2), float(number)) for number in range(3)]
    scores = torch.tensor([[0.1, 0.9, 0.2], [0.3, 0.1, -0.1], [0.2, 0.2, 0.0]])
    assert combine(members, scores, rule="best")[:, 0, 0, 0].tolist() == [1, 0, 0]
    with pytest.raises(attx.UserError, match="scores"):
        combine(members, rule="best")


def test_it_needs_members_and_no_model():
    build = registry.load("attribution", "attens").build
    for of in (["a"], ["a", "a"]):
        with pytest.raises(attx.UserError, match="two methods"):
            build(of=of)
    with pytest.raises(attx.UserError, match="1 attributions for 2"):
        build(of=["a", "b"])([torch.zeros(1, 3, 2, 2)])
    with pytest.raises(attx.UserError, match="attens is made of stored attributions"):
        attx.explain(torch.nn.Identity(), torch.zeros(1, 3, 2, 2), method="attens", of=["a", "b"])
