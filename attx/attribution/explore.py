"""Paths of single steps towards other classes, or away from the class explained: what AGI and LA sum over."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from attx.errors import UserError
from attx.gradients.estimate import add_runs
from attx.rng import Rows, Stream


def check(method: str, classes: int, steps: int) -> None:
    """UserError unless there is something to explore."""
    if classes < 1 or steps < 1:
        raise UserError(f"{method}: needs classes >= 1 and steps >= 1")


def others(model: Callable, images: Tensor, targets: Tensor, image_ids: list, count: int, seed: int) -> Tensor:
    """`count` distinct classes other than the target, drawn for each image: (N, count), or all there are, if fewer.

    The number of classes is the model's `classes`; without it one image passes the model to tell.
    """
    known = getattr(model, "classes", None)
    if not isinstance(known, int):
        with torch.no_grad():
            known = model(images[:1]).shape[1]
    count = min(count, known - 1)
    draws = Rows.of(seed, image_ids, copies=1, step=0).few(Stream.CLASSES, count)
    chosen = []
    for target, row in zip(targets.tolist(), draws.tolist(), strict=True):
        left = [k for k in range(known) if k != target]
        chosen.append([left.pop(int(u * len(left))) for u in row])
    return torch.tensor(chosen, device=targets.device, dtype=torch.int64).view(len(images), count)


def explore(
    model: Callable,
    images: Tensor,
    targets: Tensor,
    rivals: Tensor | None,
    radius: Tensor,
    *,
    steps: int,
    stop: bool,
    restart: bool,
    batch_size: int,
) -> Tensor:
    """The sum over rivals k and steps t of -(x_{t+1} - s) * grad p_y(x_t), x_{t+1} = clip01(s + radius sign(d)).

    d is grad p_k(x_t); s is the image with `restart`, else x_t. `rivals` (N, paths), or None for one path where d is
    -grad p_y(x_t). `radius` as the images. With `stop` a path ends where its rival is predicted. `batch_size` paths are
    followed at a time, whatever images they are of.
    """
    total = torch.zeros_like(images)
    paths = 1 if rivals is None else rivals.shape[1]
    image = torch.arange(len(images), device=images.device).repeat_interleave(paths)
    rival = None if rivals is None else rivals.flatten()
    owners = [i for i in range(len(images)) for _ in range(paths)]
    for start in range(0, len(owners), batch_size):
        rows = slice(start, start + batch_size)
        chosen = image[rows]
        k = None if rival is None else rival[rows]
        found = torch.zeros_like(images[chosen])
        for alive, change in _follow(model, images[chosen], targets[chosen], k, radius[chosen], steps, stop, restart):
            found[alive] += change
        add_runs(total, found, owners[rows])
    return total


def _follow(
    model: Callable,
    x: Tensor,
    y: Tensor,
    k: Tensor | None,
    radius: Tensor,
    steps: int,
    stop: bool,
    restart: bool,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Step by step, which paths go on, and what the step adds to each."""
    alive = torch.arange(len(x), device=x.device)
    point = x
    for _ in range(steps):
        with torch.enable_grad():
            leaf = point.detach().requires_grad_()
            logits = model(leaf)
            p = logits.softmax(1)
            (own,) = torch.autograd.grad(p.gather(1, y[alive, None]).sum(), leaf, retain_graph=k is not None)
            away = -own
            if k is not None:
                (away,) = torch.autograd.grad(p.gather(1, k[alive, None]).sum(), leaf)
        if stop:
            going = logits.argmax(1) != k[alive]
            alive, point, own, away = alive[going], point[going], own[going], away[going]
            if not len(alive):
                return
        start = x[alive] if restart else point
        point = (start + radius[alive] * away.sign()).clamp(0, 1)
        yield alive, -(point - start) * own
