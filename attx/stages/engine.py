"""How a job feeds its model: images loaded ahead, and smaller batches, of the same draws, where memory runs out."""

import gc
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from attx.allocator import give_back
from attx.data.images import Read
from attx.data.loading import load_batch
from attx.errors import UserError, out_of_memory
from attx.models.classifier import Classifier
from attx.progress import progress

if TYPE_CHECKING:  # benchmarks run this where Zarr is not installed
    from attx.store import Reader

TIDY = 16  # batches of images after which memory is given back: each time the next has to fault it in again
ENTRIES = ("method", "attack", "perturbation", "metric", "path")  # of a slice, those that may have a batch size
Tool = TypeVar("Tool")
Result = TypeVar("Result")


@dataclass
class Bench:
    """A model on its device, and how it is fed.

    `batch_size` is the run's; methods may have their own. `shrink`: what all are divided by, since memory ran out.
    """

    model: Classifier
    device: torch.device
    dtype: torch.dtype
    batch_size: int
    read: Read | None
    name: str = "the model"
    shrink: int = 1

    def __post_init__(self) -> None:
        self.largest = self.batch_size

    @property
    def fitting(self) -> int:
        """The batch size that is used."""
        return max(1, self.batch_size // self.shrink)

    def images(self, rows: list, label: str, few: int | None = None) -> Iterator[Tensor]:
        """The rows' images (n, 3, H, W) in [0, 1], `few` at a time, with progress; the next are loaded meanwhile.

        Few is a quarter of a batch, since methods and metrics make whole batches of an image's copies.
        """
        few = few or max(1, self.fitting // 4)
        parts = [rows[i : i + few] for i in range(0, len(rows), few)]
        with ThreadPoolExecutor(1) as pool:
            ahead = [pool.submit(self._load, part) for part in parts[:1]]
            for i, _ in enumerate(progress(parts, len(rows), label)):
                images = ahead.pop().result()
                ahead = [pool.submit(self._load, part) for part in parts[i + 1 : i + 2]]
                yield images.to(self.device, non_blocking=True)

    def stored(self, held: "Reader", places: list[int], label: str, few: int | None = None) -> Iterator[Tensor]:
        """Images (n, 3, H, W) at these places of a store, as `images` gives those of rows."""
        few = few or max(1, self.fitting // 4)
        for part in progress([places[i : i + few] for i in range(0, len(places), few)], len(places), label):
            yield torch.from_numpy(held.maps(part)).to(self.device, self.dtype)

    def _load(self, rows: list) -> Tensor:
        images = torch.from_numpy(load_batch(rows, self.model.preprocess, self.read)).to(self.dtype)
        return images.pin_memory() if self.device.type == "cuda" else images

    def each(
        self, batches: Iterable[Tensor], build: Callable[[], Tool], work: Callable[[Tool, slice, Tensor], Result]
    ) -> Iterator[tuple[slice, Result]]:
        """`work(tool, place, images)` for all images, in their order; `place` is where they are among all.

        Where memory runs out, `shrink` doubles, `build()` makes the tool anew (by `sized`) and the same images are
        worked on again, fewer at a time; draws depend on the image alone. UserError where single ones do not fit.
        """
        tool, start, told = build(), 0, self.shrink
        for number, batch in enumerate(batches, 1):
            end = start + len(batch)
            while start < end:
                images = batch[len(batch) - (end - start) :][: max(1, len(batch) // self.shrink)]
                place = slice(start, start + len(images))
                fits = True
                try:
                    found = work(tool, place, images)
                except (MemoryError, RuntimeError) as error:
                    if not out_of_memory(error):
                        raise
                    fits, tool = False, None
                if not fits:  # outside the handler: what failed holds no memory any more
                    self._halve(batch.shape[2:])
                    tool = build()
                    continue
                if told != self.shrink:
                    told = self.shrink
                    print(f"out of memory: went on with batches divided by {self.shrink}", flush=True)
                yield place, found
                start = place.stop
            if not number % TIDY:
                give_back()

    def _halve(self, shape: tuple[int, int]) -> None:
        if self.largest == 1:
            what = "GPU" if self.device.type == "cuda" else "machine"
            raise UserError(
                f"out of memory even with one image at a time: the {what} is too small for {self.name} at "
                f"{shape[0]}x{shape[1]} pixels. Take a smaller model or `size`, or another `device`; "
                "`precision: bfloat16` saves memory on a GPU, and so do fewer jobs at once"
            )
        self.shrink *= 2
        self.largest = max(1, self.largest // 2)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    def sized(self, spec: dict) -> dict:
        """A slice whose method, attack and metric have batch sizes that fit."""
        found = sized(spec, self.batch_size, self.shrink)
        own = [found[key]["batch_size"] for key in ENTRIES if "batch_size" in found.get(key, {})]
        self.largest = max(self.fitting, *own, 1)
        return found


def sized(spec: dict, batch_size: int, shrink: int = 1) -> dict:
    """A slice whose entries have batch sizes in numbers: `batch_size` for auto, all divided by `shrink`."""
    changed = {}
    for key in ENTRIES:
        own = spec.get(key, {}).get("batch_size")
        if own is not None:
            number = batch_size if own == "auto" else own
            changed[key] = spec[key] | {"batch_size": max(1, number // shrink)}
    return spec | changed
