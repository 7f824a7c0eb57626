"""The training loop against a plain one, and that it goes on as if it had not stopped."""

import math

import pytest
import torch
import torch.nn.functional as F

from attx import registry
from attx.errors import UserError
from attx.rng import Rows, Stream
from attx.training import fitting as fittings
from attx.training.fitting import Fitting, Images
from attx.training.leaky_resnet import LeakyResNet
from attx.training.nets import OWN

KINDS = registry.names("training")
SMALL = {"size": 8, "epochs": 2, "batch_size": 8, "steps": 2, "test_steps": 2}


def built(kind="nat", **keywords):
    path = {"path_steps": 3, "inner_path_steps": 2} if kind.startswith("ig") else {}
    return registry.load("training", kind).build(**SMALL | path | keywords)


def images(count=20, channels=1, size=8, name="i"):
    generator = torch.Generator().manual_seed(count)
    labels = torch.arange(count) % 10
    pixels = torch.rand(count, channels, size, size, generator=generator) * 0.5 + labels.view(-1, 1, 1, 1) / 20
    return Images([f"{name}{i}" for i in range(count)], pixels, labels)


def fitted(training, train, test, dtype=torch.float32):
    fitting = Fitting(training, dtype=dtype)
    assert sum(fitting.steps(train, test)) == training.epochs * len(train.ids)
    return fitting


def weights(fitting):
    return torch.cat([value.flatten().double() for value in fitting.model.net.state_dict().values()]).detach()


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_nat_is_the_plain_loop(optimizer):
    """Batches of about the same size, of an order drawn for each epoch; rates from a step on."""
    rates = [[0, 0.01], [4, 0.002]]
    training = built(optimizer=optimizer, learning_rate=rates, weight_decay=0.01, momentum=0.5, seed=3)
    train, test = images(), images(30)
    found = fitted(training, train, test)
    net = training.model().net.requires_grad_(True)
    options = {"lr": 0.01, "weight_decay": 0.01} | ({"momentum": 0.5} if optimizer == "sgd" else {})
    plain = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer](net.parameters(), **options)
    for epoch in range(2):
        drawn = [Rows.of(3, [name], 1, epoch).few(Stream.TRAINING, 1).item() for name in train.ids]
        order = sorted(range(20), key=drawn.__getitem__)
        losses = []
        for part, places in enumerate((order[:6], order[6:13], order[13:])):
            plain.param_groups[0]["lr"] = 0.002 if epoch * 3 + part >= 4 else 0.01
            plain.zero_grad()
            losses.append(F.cross_entropy(net(train.pixels[places]), train.labels[places]))
            losses[-1].backward()
            plain.step()
        mean = sum(loss.item() * n for loss, n in zip(losses, (6, 7, 7), strict=True)) / 20
        assert found.curve[epoch]["loss"] == pytest.approx(mean, rel=1e-6)
        torch.testing.assert_close(found.curve[epoch]["epoch"], epoch + 1)
    wanted = torch.cat([p.flatten().double() for p in net.parameters()]).detach()
    torch.testing.assert_close(weights(found), wanted, rtol=0, atol=1e-6)
    right = (net(test.pixels).argmax(1) == test.labels).double().mean().item()
    assert found.curve[-1]["clean_accuracy"] == pytest.approx(right)


def test_points_are_the_attack_pgds():
    """Of the library's own PGD, each epoch from another start."""
    training, train = built("pgd", epsilon=0.2, alpha=0.05, steps=3, seed=4), images()
    model = training.model()
    attack = registry.load("attacks", "pgd").build(epsilon=0.2, alpha=0.05, steps=3, seed=4)
    *_, wanted = attack.points(model, train.pixels, train.labels, train.ids)
    found = training.nearby(model, train.pixels, train.labels, train.ids)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    other = training.nearby(model, train.pixels, train.labels, [f"{name}/1" for name in train.ids])
    assert (found - other).abs().max() > 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_from_any_step_gives_the_same_bits(kind):
    training, train, test = built(kind), images(), images(10)
    whole = fitted(training, train, test)
    for stop in (1, 3, 4):
        first = Fitting(training)
        steps = first.steps(train, test)
        done = sum(next(steps) for _ in range(stop))
        state = torch.utils._pytree.tree_map(lambda x: x.clone() if torch.is_tensor(x) else x, first.state())
        assert first.left(20) == 40 - done
        torch.rand(5)  # what others draw does not matter
        second = Fitting(training)
        second.restore(state)
        assert sum(second.steps(train, test)) == 40 - done
        assert torch.equal(weights(second), weights(whole))
        drop = [{key: value for key, value in row.items() if key != "seconds"} for row in second.curve]
        assert str(drop) == str([{k: v for k, v in row.items() if k != "seconds"} for row in whole.curve])


def test_dropout_and_batch_norm_go_on_too():
    training = built(net="mobilenet_v2", channels=3, size=32, optimizer="sgd", learning_rate=0.01)
    train, test = images(20, 3, 32), images(4, 3, 32)
    whole, first, second = fitted(training, train, test), Fitting(training), Fitting(training)
    steps = first.steps(train, test)
    next(steps), next(steps)
    second.restore(first.state())
    for _ in second.steps(train, test):
        pass
    assert torch.equal(weights(second), weights(whole))


def test_accuracy_under_attack_is_there_when_asked_for_and_at_the_end():
    training = built(epochs=5, attack_every=2, epsilon=0.3, test_steps=5)
    curve = fitted(training, images(), images(40)).curve
    assert [math.isnan(row["adversarial_accuracy"]) for row in curve] == [True, False, True, False, False]
    assert all(not row["adversarial_accuracy"] > row["clean_accuracy"] for row in curve)
    assert {row["test_images"] for row in curve} == {40}


def test_tests_in_batches_are_one_test(monkeypatch):
    training, train, test = built("pgd"), images(), images(30)
    whole = fitted(training, train, test).curve[-1]
    monkeypatch.setattr(fittings, "TEST_BATCH", 7)
    parts = fitted(training, train, test).curve[-1]
    assert (whole["clean_accuracy"], whole["adversarial_accuracy"]) == (
        parts["clean_accuracy"],
        parts["adversarial_accuracy"],
    )


def test_our_nets_see_one_grey_channel_or_three():
    for net in OWN:
        model = built(net=net, size=28, channels=1).model()
        grey = torch.rand(2, 1, 28, 28)
        torch.testing.assert_close(model(grey), model(grey.expand(-1, 3, -1, -1)))
        assert built(net=net, size=28, channels=3).model()(torch.rand(2, 3, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("units", [1, 2])
def test_the_narrow_residual_net(units):
    """As many weights as its layers should have; standardised images; a black one has a finite slope."""
    net = LeakyResNet(3, 43, units)
    first = 9 * (3 * 16 + 16 * 16 * 2 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64) + 64 * 43 + 43
    more = 9 * 2 * (16 * 16 + 32 * 32 + 64 * 64)
    assert sum(p.numel() for p in net.parameters()) == first + (units - 1) * more
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(net(x), net(0.3 * x + 0.2), rtol=1e-4, atol=1e-5)
    black = torch.zeros(1, 3, 32, 32, requires_grad=True)
    (slope,) = torch.autograd.grad(net(black).sum(), black)
    assert slope.isfinite().all()


@pytest.mark.parametrize(
    ("kind", "keywords", "message"),
    [
        ("nat", {"net": "resnet81", "channels": 3}, "did you mean 'resnet18'"),
        ("nat", {"net": "resnet18"}, "channels: torchvision's resnet18 takes 3"),
        ("nat", {"channels": 2}, "`channels` 1 or 3"),
        ("nat", {"learning_rate": [[5, 0.1]]}, "learning_rate: .*step 0"),
        ("nat", {"learning_rate": [0.1, 0.2]}, r"learning_rate: .* not \[0.1, 0.2\]"),
        ("nat", {"learning_rate": [[0, "a"]]}, "learning_rate: .*pairs"),
        ("nat", {"learning_rate": [[0, 1, 2]]}, "learning_rate: .*pairs"),
        ("nat", {"learning_rate": [[0, 0.1], [0, 0.2]]}, "learning_rate: .*rising"),
        ("nat", {"learning_rate": []}, "learning_rate: .*pairs"),
        ("nat", {"learning_rate": -1}, "learning_rate: .* 0 or more"),
        ("nat", {"learning_rate": [[0, 0.1], [3, -0.1]]}, "learning_rate: .* 0 or more"),
        ("nat", {"weight_decay": -1}, "weight_decay: -1 must be 0 or more"),
        ("nat", {"optimizer": "sgd", "momentum": -1}, "momentum: -1 must be 0 or more"),
        ("nat", {"classes": 0}, "classes: 0 must be 1 or more"),
        ("nat", {"classes": -1}, "classes: -1 must be 1 or more"),
        ("pgd", {"steps": 0}, "steps: 0 must be 1 or more"),
        ("nat", {"test_steps": 0}, "test_steps: 0 must be 1 or more"),
        ("nat", {"epochs": 0}, "epochs: 0 must be 1 or more"),
        ("nat", {"optimizer": "sgd", "learning_rate": 1e30}, "diverged at step"),
        ("ig_norm", {"net": "mobilenet_v3_small", "channels": 3, "size": 32}, "cannot differentiate .* twice"),
    ],
)
def test_what_cannot_be_is_said(kind, keywords, message):
    with pytest.raises(UserError, match=message):
        fitted(built(kind, **keywords), images(20, keywords.get("channels", 1), keywords.get("size", 8)), images(4))


def test_too_little_memory_is_one_message(monkeypatch):
    def full(*_):
        raise MemoryError

    training = built("ig_norm")
    monkeypatch.setattr(type(training.outer), "backward", full)
    with pytest.raises(UserError, match="smaller `path_batch_size`"):
        fitted(training, images(), images(4))
