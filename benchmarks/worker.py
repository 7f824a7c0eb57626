"""The published way in a process of its own, which has the allocator as it comes and is asked for times."""

import json
import subprocess
import sys

import torch

from attx.stages.common import prepare
from benchmarks import ROOT, clock, models, published

BATCH = 4


class Worker:
    """A process with one model. `attribution(copies)` and `sweep(points)` return its seconds, by the same clock."""

    def __init__(self, model: str, device: str) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", model, device]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def attribution(self, copies: int) -> float:
        """One step of `BATCH` images and the gradient behind it that is dropped: 2 * `BATCH` * `copies` passes."""
        return self._ask("attribution", copies)

    def sweep(self, points: int) -> float:
        """Insertion and deletion of one image, `points` inner points each: 2 * points + 5 forwards."""
        return self._ask("sweep", points)

    def _ask(self, what: str, number: int) -> float:
        try:
            self.process.stdin.write(f"{what} {number}\n")
            self.process.stdin.flush()
            return float(self.process.stdout.readline())
        except (BrokenPipeError, ValueError) as error:
            raise RuntimeError(f"the process of the published way ended: {self.process.wait()}") from error

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait()


def pixels_per_step(pixels: int, points: int) -> int:
    """So many pixels a step that a curve has about `points` inner points, and never more."""
    return -(-pixels // (points + 1))


def serve(name: str, device: str) -> None:
    """Answer requests, `attribution COPIES` or `sweep POINTS`, until standard input ends."""
    prepare({"threads": 1, "dtype": "float32"}, device)
    model = models.published(name, device)
    images, targets, _ = models.images_for(model, BATCH, device, torch.float32)
    pixels = images[0, 0].numel()

    def once(what: str, number: int) -> object:
        if what == "attribution":
            return published.attribution(model, images, targets, steps=1, copies=number)
        return published.sweep(model, images[:1], images[:1], pixels_per_step(pixels, number))

    for what, number in (("attribution", 1), ("sweep", 1)):
        once(what, number)
    for line in sys.stdin:
        what, number = line.split()
        print(json.dumps(clock.timed(lambda: once(what, int(number)), device)), flush=True)  # noqa: B023


if __name__ == "__main__":
    serve(*sys.argv[1:])
