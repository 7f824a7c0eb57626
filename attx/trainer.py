"""A kind of training (`attx/training/`) is data for the one loop, `attx.training.fitting`."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Literal

import torch

from attx.errors import UserError
from attx.models.classifier import Classifier
from attx.training.inner import Nearby
from attx.training.nets import untrained
from attx.training.terms import AtPoint

OPTIMIZERS = ("adam", "sgd")


@dataclass(frozen=True)
class Training:
    """How a net is trained: the mean of the term `outer` is lowered, at the points `nearby`, None being the images.

    Terms: `attx.training.terms`. `rates`: pairs (first step, learning rate). `trial` makes the points of the accuracy
    under attack, which is got each `attack_every` epochs, if that is not 0, and after the last.
    """

    outer: Callable
    nearby: Nearby | None
    trial: Nearby
    net: str
    classes: int
    channels: int
    size: int
    epochs: int
    batch_size: int
    optimizer: str
    rates: tuple[tuple[int, float], ...]
    momentum: float
    weight_decay: float
    attack_every: int
    seed: int

    def __post_init__(self):
        _least(1, classes=self.classes, epochs=self.epochs, batch_size=self.batch_size)
        _least(0, attack_every=self.attack_every, momentum=self.momentum, weight_decay=self.weight_decay)
        if self.optimizer not in OPTIMIZERS:
            raise UserError(f"optimizer: {self.optimizer!r} is neither adam nor sgd")

    def model(self) -> Classifier:
        """The classifier to be trained, with random weights."""
        return untrained(self.net, classes=self.classes, channels=self.channels, size=self.size, seed=self.seed)

    def rate(self, step: int) -> float:
        """The learning rate of a step, the first of all being 0."""
        return next(rate for first, rate in reversed(self.rates) if step >= first)

    def optimizer_of(self, model: Classifier) -> torch.optim.Optimizer:
        """A new optimizer of the model's weights."""
        if self.optimizer == "adam":
            return torch.optim.Adam(model.net.parameters(), self.rate(0), weight_decay=self.weight_decay)
        options = {"momentum": self.momentum, "weight_decay": self.weight_decay}
        return torch.optim.SGD(model.net.parameters(), self.rate(0), **options)


def compose(
    outer: Callable,
    inner: Callable | None,
    *,
    net: str = "small_cnn",
    data: dict | None = None,
    test: dict | None = None,
    classes: int = 10,
    channels: int = 1,
    size: int = 28,
    epochs: int = 12,
    batch_size: int = 50,
    optimizer: Literal["adam", "sgd"] = "adam",
    learning_rate: float | list = 1e-3,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    epsilon: float = 0.1,
    alpha: float | None = None,
    steps: int = 7,
    test_steps: int = 20,
    attack_every: int = 0,
    seed: int = 0,
) -> Training:
    """What every file of `attx/training/` builds; its keywords are theirs, too.

    `inner`: the term that the inner attack raises, by `steps` of `alpha` (default 2.5 epsilon / steps) within `epsilon`
    of the image; `test_steps`: of PGD on the test images. `data` and `test`, which the stage `train` reads: entries as
    of the config's `data`, by default the digits (`attx.roots.images`). `learning_rate`: a number, or a list of pairs
    [first step, rate]; `momentum` is of sgd. `net`, `channels`: see `attx.training.nets`; `size`: in pixels.
    """
    _least(1, steps=steps, test_steps=test_steps)
    own = 2.5 * epsilon / steps if alpha is None else alpha
    return Training(
        outer=outer,
        nearby=Nearby(inner, epsilon, own, steps, seed) if inner else None,
        trial=Nearby(AtPoint(), epsilon, 2.5 * epsilon / test_steps, test_steps, seed),
        net=net,
        classes=classes,
        channels=channels,
        size=size,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        rates=_rates(learning_rate),
        momentum=momentum,
        weight_decay=weight_decay,
        attack_every=attack_every,
        seed=seed,
    )


def _rates(given: float | list) -> tuple[tuple[int, float], ...]:
    """`Training.rates` of a `learning_rate`; UserError for what is none."""
    pairs = given if isinstance(given, list) else [[0, given]]
    whole = all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs)
    if whole and all(isinstance(number, Real) for pair in pairs for number in pair):
        steps = [first for first, _ in pairs]
        if steps[:1] == [0] and steps == sorted(set(steps)) and all(0 <= rate < math.inf for _, rate in pairs):
            return tuple((first, rate) for first, rate in pairs)
    raise UserError(
        "learning_rate: give a number of 0 or more, or pairs [first step, rate] by rising steps, the first of step 0, "
        f"not {given!r}"
    )


def _least(bound: int, **values: float) -> None:
    for key, value in values.items():
        if not value >= bound:  # NaN is not, either
            raise UserError(f"{key}: {value} must be {bound} or more")
