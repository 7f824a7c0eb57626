"""The one training loop.

What a step draws depends on (seed, image id, epoch), so a training that was killed goes on as if it had not been.
"""

import contextlib
import math
import re
import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from attx.errors import UserError, out_of_memory
from attx.rng import Rows, Stream, image_key
from attx.trainer import Training
from attx.training.inner import Nearby
from attx.training.terms import evaluating

TEST_BATCH = 256


class Images(NamedTuple):
    """Images in memory: `ids`, `pixels` (N, C, H, W) in [0, 1], `labels` (N,) int64."""

    ids: list[str]
    pixels: Tensor
    labels: Tensor

    def take(self, index: Tensor) -> "Images":
        """Those at `index` (n,), a tensor on the CPU."""
        where = index.to(self.pixels.device)
        return Images([self.ids[i] for i in index.tolist()], self.pixels[where], self.labels[where])


class Fitting:
    """A training under way: the model, its optimizer and how far they are. `state` is all of it, for a checkpoint."""

    KEPT = ("step", "loss", "seconds", "curve")

    def __init__(
        self, training: Training, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        self.training = training
        self.model = training.model().to(device, dtype)
        self.model.net.requires_grad_(True)
        self.optimizer = training.optimizer_of(self.model)
        self.step = 0  # steps done
        self.loss = 0.0  # of this epoch, summed over images
        self.seconds = 0.0  # of this epoch
        self.curve: list[dict] = []  # a row per epoch done

    def state(self) -> dict:
        """Tensors, numbers and words alone."""
        own = {name: getattr(self, name) for name in self.KEPT}
        return own | {"net": self.model.net.state_dict(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict) -> None:
        """Go on from a `state`."""
        self.model.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name in self.KEPT:
            setattr(self, name, state[name])

    def steps(self, images: Images, test: Images) -> Iterator[int]:
        """Take the steps that are left; of how many images each was. `curve` has an epoch's row after its last step."""
        count = len(images.ids)
        parts = self._parts(count)
        rows = Rows.of(self.training.seed, images.ids, copies=1, step=0)
        for epoch in range(self.step // parts, self.training.epochs):
            order = rows.at(epoch).few(Stream.TRAINING, 1)[:, 0].argsort(stable=True)
            for part in range(self.step % parts, parts):
                batch = images.take(order[count * part // parts : count * (part + 1) // parts])
                start = time.perf_counter()
                with _told(self.training.net):
                    self._take(batch, epoch)
                self.seconds += time.perf_counter() - start
                if part == parts - 1:
                    self._finish(epoch, count, test)
                yield len(batch.ids)

    def left(self, count: int) -> int:
        """How many of the images of all epochs are left to be trained on, of `count` images each."""
        epoch, part = divmod(self.step, self._parts(count))
        return self.training.epochs * count - epoch * count - count * part // self._parts(count)

    def _parts(self, count: int) -> int:
        """Steps per epoch of `count` images, in batches of about the same size."""
        return -(-count // self.training.batch_size)

    def _take(self, batch: Images, epoch: int) -> None:
        """One step of the optimizer."""
        training, model = self.training, self.model
        points = batch.pixels
        with torch.random.fork_rng():
            torch.manual_seed(int(image_key(training.seed, f"step {self.step}")[0]))  # for dropout and the like
            if training.nearby:
                drawn = [f"{image_id}/{epoch}" for image_id in batch.ids]  # another start in each epoch
                points = training.nearby(model.eval(), batch.pixels, batch.labels, drawn)
            self.optimizer.zero_grad()
            loss = training.outer.backward(model.train(), batch.pixels, points, batch.labels)
        for group in self.optimizer.param_groups:
            group["lr"] = training.rate(self.step)
        self.optimizer.step()
        self.loss += loss * len(batch.ids)
        self.step += 1
        if not math.isfinite(self.loss):
            raise UserError(f"the training diverged at step {self.step}: take a lower learning_rate")

    def _finish(self, epoch: int, count: int, test: Images) -> None:
        """The row of an epoch, counted from 1."""
        training = self.training
        last = epoch + 1 == training.epochs
        attacked = last or (training.attack_every and (epoch + 1) % training.attack_every == 0)
        self.curve.append(
            {
                "epoch": epoch + 1,
                "loss": self.loss / count,
                "clean_accuracy": self._accuracy(test, None),
                "adversarial_accuracy": self._accuracy(test, training.trial) if attacked else math.nan,
                "seconds": self.seconds,
                "test_images": len(test.ids),
            }
        )
        self.loss = self.seconds = 0.0

    def _accuracy(self, test: Images, nearby: Nearby | None) -> float:
        """The part of the test images that is classified as labelled, at the points `nearby` if these are given."""
        right = 0
        with evaluating(self.model):
            for index in torch.arange(len(test.ids)).split(TEST_BATCH):
                batch = test.take(index)
                points = nearby(self.model, batch.pixels, batch.labels, batch.ids) if nearby else batch.pixels
                with torch.no_grad():
                    right += int((self.model(points).argmax(1) == batch.labels).sum())
        return right / len(test.ids)


@contextlib.contextmanager
def _told(net: str) -> Iterator[None]:
    """Turns torch's word for too little memory, and for what has no second derivative, into a UserError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if out_of_memory(error):
            raise UserError(
                "out of memory: take a smaller `path_batch_size` (of the trainings with IG), which changes nothing but "
                "rounding, or a smaller `batch_size`, which makes it another training"
            ) from error
        if not re.match(r"derivative for .* is not implemented", str(error)):
            raise
        raise UserError(
            f"net: {net} cannot be trained this way, since torch cannot differentiate one of its operations twice "
            f"({error}): take another net, or nat or pgd"
        ) from error
