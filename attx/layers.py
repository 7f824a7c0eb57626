"""Feature layers by name: found, chosen by depth from one measured pass, and recorded; CNNs and transformers alike."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attx.errors import UserError, unknown


@dataclass
class Features:
    """What a layer gave in the last pass: `output`, (N, C, h, w), (N, h, w, C) or (N, tokens, D)."""

    output: Tensor | None = None


@dataclass(frozen=True)
class _Call:
    """A module's output in the measured pass; `weighty`: the convolutions and linear layers that were done by then."""

    name: str
    kind: type
    output: Tensor
    node: object
    weighty: int


def find(model: nn.Module, name: str) -> nn.Module:
    """The module `name` of the network (that within, if `model` is an `attx` Classifier); else UserError."""
    known = dict(_net(model).named_modules())
    if name not in known or not name:
        raise unknown("layer", name, [n for n in known if n])
    return known[name]


@contextlib.contextmanager
def features(model: nn.Module, name: str) -> Iterator[Features]:
    """Record the layer's output, to which gradients can be taken even if the images require none."""
    found = Features()

    def keep(module: nn.Module, inputs: tuple, output: Tensor) -> Tensor:
        if not isinstance(output, Tensor):
            raise UserError(f"layer {name} gives a {type(output).__name__}, not one tensor: take a layer after it")
        found.output = output if output.requires_grad else output.detach().requires_grad_()
        return found.output.clone()  # what comes next may work in place

    handle = find(model, name).register_forward_hook(keep)
    try:
        yield found
    finally:
        handle.remove()


def default(model: nn.Module, images: Tensor, depth: float) -> str:
    """The layer at relative `depth`: 0 is the first, 1 the last before the positions are pooled (as Grad-CAM wants it).

    Measured by one forward and backward pass of a grey image like `images` (N, C, H, W). Depth counts convolutions and
    linear layers. Candidates: modules run once, whose output has positions that the logits depend on, and through which
    every path from image to logits leads: whole blocks rather than parts of a block with a skip or branches.
    """
    image = torch.full_like(images[:1], 0.5).requires_grad_()
    with torch.enable_grad(), _recorded(_net(model)) as calls:
        logits = model(image)
        calls = _spatial(_on_every_path(calls, logits, image), logits)
    if not calls:
        raise UserError("no layer of this model has positions and lies on every path: name one by `layer`")
    last = max(call.weighty for call in calls) or 1
    # of layers equally deep the largest, and of these the last: after the activation, before the pooling
    ranked = [(-abs(c.weighty / last - depth), c.output.numel(), order, c.name) for order, c in enumerate(calls)]
    return max(ranked)[-1]


def _net(model: nn.Module) -> nn.Module:
    if not isinstance(model, nn.Module):
        raise UserError(f"feature layers need a torch.nn.Module, not a {type(model).__name__}")
    return model.net if [name for name, _ in model.named_children()] == ["net"] else model


@contextlib.contextmanager
def _recorded(net: nn.Module) -> Iterator[list[_Call]]:
    """The outputs of all modules that run, in the order in which they end."""
    calls: list[_Call] = []
    weighty = 0

    def hook(name: str) -> Callable:
        def record(module: nn.Module, inputs: tuple, output: object) -> None:
            nonlocal weighty
            weight = getattr(module, "weight", None)
            weighty += isinstance(weight, Tensor) and weight.ndim > 1
            if isinstance(output, Tensor):
                calls.append(_Call(name, type(module), output, output.grad_fn, weighty))

        return record

    handles = [m.register_forward_hook(hook(name)) for name, m in net.named_modules() if name]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _on_every_path(calls: list[_Call], logits: Tensor, image: Tensor) -> list[_Call]:
    """The calls through which all paths of the graph lead, without repeated ones and those within a block."""
    nodes, names = _bottlenecks(logits, image), [call.name for call in calls]
    passed = {call.name: call for call in calls if call.node in nodes and names.count(call.name) == 1}
    # a class of which one instance has side paths is a block: none of its parts is a layer of its own
    owners = (_ancestors(name, passed) for name in names if name not in passed)
    blocks = {passed[found[0]].kind for found in owners if found} - {nn.Sequential}
    return [c for c in passed.values() if not any(passed[a].kind in blocks for a in _ancestors(c.name, passed))]


def _ancestors(name: str, known: dict) -> list[str]:
    """The known modules around `name`, the nearest first."""
    parts = name.split(".")
    return [around for i in range(len(parts) - 1, 0, -1) if (around := ".".join(parts[:i])) in known]


def _bottlenecks(logits: Tensor, image: Tensor) -> set:
    """The nodes of the autograd graph that are on every path from `image` to `logits`: paths are counted."""
    source, root = torch.autograd.graph.get_gradient_edge(image).node, logits.grad_fn
    nexts, done, stack = {}, {}, [root] if root else []
    while stack:  # depth first: `done` in the order in which nodes are finished
        node = stack[-1]
        if node not in nexts:
            nexts[node] = [found for found, _ in node.next_functions if found]
        waiting = [found for found in nexts[node] if found not in done]
        stack.extend(waiting) if waiting else done.setdefault(stack.pop())
    below = {}
    for node in done:
        below[node] = int(node is source) + sum(below[found] for found in nexts[node])
    above = dict.fromkeys(done, 0) | {root: 1}
    for node in reversed(done):
        for found in nexts[node]:
            above[found] += above[node]
    return {node for node in done if above[node] * below[node] == below[root] > 0}


def _spatial(calls: list[_Call], logits: Tensor) -> list[_Call]:
    """The calls whose output has positions, and matters at more than two: in a last block only class tokens may matter.

    A model whose gradients are all 0, such as one with a head of zeros, is judged by the shapes alone.
    """
    calls = [c for c in calls if c.output.ndim in (3, 4) and sum(n > 1 for n in c.output.shape[1:]) > 1]
    if not calls:
        return calls
    gradients = torch.autograd.grad(logits.amax(1).sum(), [c.output for c in calls], allow_unused=True)
    return [c for c, g in zip(calls, gradients, strict=True) if g is not None and _positions(g) > 2] or calls


def _positions(gradient: Tensor) -> int:
    """How many positions have a gradient, whether channels come first or last."""
    used = gradient != 0
    return max(int(used.any(channel).sum()) for channel in ({1, 3} if used.ndim == 4 else {2}))
