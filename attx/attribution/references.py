"""Expectations over reference images: what expected gradients and GradientSHAP share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from attx.data import listing, manifest
from attx.data.loading import load_batch
from attx.errors import UserError
from attx.preprocess import Preprocess
from attx.rng import Rows, Stream, pick


@dataclass
class References:
    """The images of a data source, of the size and dtype of those explained; read once for each of these.

    `spec` is as an entry of a config's `data`: `use`, the source's keys, `first`, `stratified`. The model's own
    preprocessing is taken where it makes images of that size, else a plain resize.
    """

    spec: dict
    read: dict[tuple, Tensor] = field(default_factory=dict)

    def __post_init__(self):
        if "use" not in self.spec:
            raise UserError(f"references: {self.spec} lacks `use`: name a data source, as {{use: sample, first: 10}}")

    def __call__(self, model: Callable, images: Tensor) -> Tensor:
        """(R, C, H, W) for `images` (N, C, H, W)."""
        if images.shape[1] != 3:
            raise UserError(f"references are RGB images; those explained have {images.shape[1]} channels")
        size = tuple(images.shape[-2:])
        preprocess = getattr(model, "preprocess", None)
        if preprocess is None or preprocess.shape != size:
            preprocess = Preprocess(size)
        key = (preprocess, images.dtype, images.device)
        if key not in self.read:
            self.read[key] = self._images(preprocess).to(images.device, images.dtype)
        return self.read[key]

    def _images(self, preprocess: Preprocess) -> Tensor:
        reader = listing.reader(self.spec["use"])
        rows = manifest.check(listing.entries(self.spec, "references"), None, reader, refuse_duplicates=False)
        if not rows:
            raise UserError(f"references: {self.spec} has no images")
        return torch.from_numpy(load_batch(rows, preprocess, reader))


@dataclass(frozen=True)
class Expectation:
    """Mean over `copies` of (z - r) * gradient at r + a (z - r): z = x + sigma n, r a random reference, a in [0, 1).

    Expected gradients (Erion et al., 2021, eq. 3) for sigma 0; with noise, GradientSHAP. `batch_size` points go through
    the model at once, whatever images they are of.
    """

    references: References
    copies: int
    sigma: float
    seed: int
    batch_size: int

    def __post_init__(self):
        if self.copies < 1 or self.batch_size < 1 or self.sigma < 0:
            raise UserError("copies and batch_size must be 1 at least, and sigma not negative")

    def __call__(self, forward: Callable, model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        """`forward(inputs, targets)` gives one value per input; images (N, C, H, W) -> attributions, alike."""
        references = self.references(model, images)
        total = torch.zeros_like(images)
        for batch in self._batches(Rows.of(self.seed, image_ids, self.copies, step=0)):
            x = pick(images, batch.image)
            if self.sigma:
                x = x + self.sigma * batch.normal(Stream.NOISE, images.shape[1:], images)
            drawn = batch.uniform(Stream.REFERENCE, (2,), images)
            reference = references[(drawn[:, 0] * len(references)).long()]
            with torch.enable_grad():
                point = torch.lerp(reference, x, drawn[:, 1, None, None, None]).detach().requires_grad_()
                (gradient,) = torch.autograd.grad(forward(point, pick(targets, batch.image)).sum(), point)
            total.index_add_(0, torch.tensor(batch.image, device=x.device), (x - reference) * gradient)
        return total / self.copies

    def _batches(self, rows: Rows) -> Iterator[Rows]:
        for start in range(0, len(rows), self.batch_size):
            yield rows.take(range(start, min(start + self.batch_size, len(rows))))
