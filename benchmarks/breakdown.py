"""Where the time of an attribution and of a sweep goes, by torch's profiler: the model's operators, and all others."""

from collections import Counter
from collections.abc import Callable

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile, record_function

from attx import registry
from attx.batch_size import CPU
from attx.metrics.insertion_deletion import insertion_deletion
from benchmarks import models
from benchmarks.setting import Missing, Setting, Table
from benchmarks.worker import pixels_per_step

MARK = "the model's forward"
WHOLE = "Python and NumPy, between operators"
BACKWARD = "autograd::engine::evaluate_function: "
LARGEST = 8


class Marked(nn.Module):
    """`model` with its forward passes under a name in the profile."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.fixed_size, self.classes = model, model.fixed_size, model.classes

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        return self.model.normalise(images)

    def forward(self, x: torch.Tensor, **given: object) -> torch.Tensor:
        with record_function(MARK):
            return self.model(x, **given)


def table(setting: Setting) -> Table:
    """Shares of the operators' own time: of the model, and of the largest others."""
    found = Table(
        "Where the time goes",
        notes=[
            "Shares of the time that operators take themselves "
            + ("on the GPU" if setting.device == "cuda" else "on the CPU, and of what passes between them")
            + ". The model's are those of its forward passes and of the backward passes that belong to them."
        ],
    )
    plan = setting.plans[0]
    try:
        model = models.load(plan.model, setting.device)
    except Missing as reason:
        found.notes.append(f"skipped: {reason}")
        return found
    number = 16 if setting.device == "cuda" else 2
    images, targets, source = models.images_for(model, number, setting.device, setting.dtype)
    found.notes.append(f"{plan.model}, {number} of {source}, {setting.copies} copies, one step; {plan.points} points.")
    method = registry.load("attribution", "attexplore").build(copies=setting.copies, steps=1, batch_size=CPU)
    step = pixels_per_step(images[0, 0].numel(), plan.points)
    net = Marked(model)
    runs = {
        "attribution": lambda: method(net, images, targets, list(range(number))),
        "sweep": lambda: insertion_deletion(net, images, images.flip(2), "rise_2d", step, "zeros", targets, CPU),
    }
    for what, run in runs.items():
        run()
        for name, share in shares(run, setting.device).items():
            found.rows.append({"of": what, "operator": name, "share": share})
    return found


def shares(run: Callable[[], object], device: str) -> dict[str, float]:
    """Parts of the whole by name: the model, the largest others, the rest."""
    gpu = device == "cuda"
    with profile(activities=[ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * gpu) as found:
        with record_function(WHOLE):
            run()
        if gpu:
            torch.cuda.synchronize()
    events = [event for event in found.events() if event.device_type == torch.autograd.DeviceType.CPU]
    ours = {event.sequence_nr for event in events if event.sequence_nr >= 0 and _under(event, MARK)}
    times: Counter[str] = Counter()
    for event in events:
        backward = _under(event, BACKWARD)
        mine = _under(event, MARK) or (backward and backward.sequence_nr in ours)
        spent = sum(kernel.duration for kernel in event.kernels) if gpu else event.self_cpu_time_total
        times["the model" if mine else event.name.removeprefix(BACKWARD)] += spent
    if gpu:  # what was launched by no operator, such as Triton's kernels
        device = [event for event in found.events() if event.device_type == torch.autograd.DeviceType.CUDA]
        every = sum(
            e.self_device_time_total for e in device if not e.is_user_annotation and e.name not in (MARK, WHOLE)
        )
        times["launched by no operator"] = max(0, every - times.total())
    whole = times.total()
    others = [(name, time) for name, time in times.most_common() if name != "the model"]
    named = dict([("the model", times["the model"]), *others[:LARGEST]])
    named["all others"] = whole - sum(named.values())
    return {name: time / whole for name, time in named.items()}


def _under(event, name: str):
    """The event or that one above it whose name begins so; None if there is none."""
    while event is not None and not event.name.startswith(name):
        event = event.cpu_parent
    return event
