"""How far torch's way and Triton's are apart: kernel by kernel, one step of each attack, whole runs in float64.

`table` asks a process of its own (`python -m benchmarks.paths`): on a CPU Triton's interpreter must be on before torch
is imported.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import torch
from attx_kernels import dispatch
from torch import Tensor

from attx import registry
from attx.metrics.insertion_deletion import insertion_deletion
from attx.rng import Rows, Stream
from benchmarks import ROOT, models
from benchmarks.cases import cases
from benchmarks.kernels import way
from benchmarks.setting import Setting, Table

IDS = ["a", "b"]
FEW = {"copies": 2, "blocks": 2}
ABSOLUTE = ("points", "curves")
Call = Callable[[], dict[str, Tensor]]  # what is compared, by name


def table(setting: Setting) -> Table:
    """A row for each comparison, in float64 and in float32."""
    environment = dict(os.environ) | ({"TRITON_INTERPRET": "1"} if setting.device == "cpu" else {})
    command = [sys.executable, "-m", "benchmarks.paths", setting.device, "quick" if setting.quick else "all"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    where = "Triton's interpreter on the CPU, tiny sizes" if setting.device == "cpu" else "the GPU"
    note = (
        f"Torch's way against Triton's, {where}. Points: absolute, in units of [0, 1] images; curves: absolute; bits "
        "and integers: how many differ; all else: relative to the largest value. What no Triton kernel has a part in "
        "is left out."
    )
    return Table("Deviations between the ways", json.loads(done.stdout.splitlines()[-1]), [note])


def rows(device: str, quick: bool) -> list[dict]:
    """What is compared, and the largest deviation by dtype."""
    attacks = ("ssa",) if quick else registry.names("attacks")
    found: dict[str, dict] = {}
    for dtype in (torch.float64,) if quick else (torch.float64, torch.float32):
        calls = [*_kernels(device, dtype, quick), *_steps(device, dtype, attacks)]
        calls += _runs(device, dtype) if dtype == torch.float64 else []
        for call in calls:
            for what, value in apart(call).items():
                found.setdefault(what, {"what": what})[str(dtype).removeprefix("torch.")] = value
    return list(found.values())


def apart(call: Call) -> dict[str, float | str]:
    """The largest deviations of `call` between the ways; nothing where neither is Triton's."""
    with way("torch"):
        expected = call()
    dispatch.forget()
    with way("triton"):
        try:
            found = call()
        except Exception as error:  # what a GPU's compiler refuses, in whatever words, is a result
            return dict.fromkeys(expected, f"{type(error).__name__}: {str(error).splitlines()[0][:60]}")
    if "triton" not in dispatch.used().values():
        return {}
    return {what: _deviation(what, expected[what].cpu(), found[what].cpu()) for what in expected}


def _deviation(what: str, a: Tensor, b: Tensor) -> float:
    if not a.is_floating_point():
        return float((a != b).sum())
    scale = 1.0 if what.endswith(ABSOLUTE) else a.double().abs().max().item() or 1.0
    return (a.double() - b.double()).abs().max().item() / scale


def _kernels(device: str, dtype: torch.dtype, quick: bool) -> Iterator[Call]:
    for case in cases(device, dtype, 15 if quick else 37 if device == "cpu" else 97, 3, k=9):
        yield lambda case=case: _named(f"`{case.kernel}`: {case.what}", case.prepare()())
    shape, like = (3, 7, 5), torch.empty(0, dtype=dtype, device=device)
    integers = torch.int64 if dtype == torch.float64 else torch.int32
    for draw in (Rows.normal, Rows.uniform):

        def bits(draw: Callable = draw) -> dict[str, Tensor]:
            drawn = draw(Rows.of(1, IDS, 3, step=4), Stream.NOISE, shape, like)
            return {f"draws, {draw.__name__}: bits": drawn.contiguous().view(integers)}

        yield bits


def _named(what: str, result: Tensor | tuple[Tensor, ...]) -> dict[str, Tensor]:
    return {f"{what}, {i}": part for i, part in enumerate(result)} if isinstance(result, tuple) else {what: result}


def _case(device: str, dtype: torch.dtype) -> tuple:
    model = models.load("toy", device, dtype)
    images = torch.rand(2, 3, 16, 13, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return model, images.to(device, dtype), torch.tensor([3, 1], device=device)


def _steps(device: str, dtype: torch.dtype, names: tuple[str, ...]) -> Iterator[Call]:
    case = _case(device, dtype)
    for name in names:
        takes = registry.parameters("attacks", name)
        few = {key: value for key, value in FEW.items() if key in takes}
        attack = registry.load("attacks", name).build(steps=1, **few)

        def step(name: str = name, attack=attack) -> dict[str, Tensor]:
            path = attack.run(*case, IDS)
            return {f"`{name}`, one step: {part}": getattr(path, part) for part in ("points", "gradients")}

        yield step


def _runs(device: str, dtype: torch.dtype) -> Iterator[Call]:
    model, images, targets = _case(device, dtype)
    method = registry.load("attribution", "attexplore").build(copies=2, steps=3)
    yield lambda: {"`attexplore`, 3 steps: maps": method(model, images, targets, IDS)}

    def curves() -> dict[str, Tensor]:
        found = insertion_deletion(model, images, images.flip(2), pixels_per_step=30, target=targets)
        both = {"insertion": found.insertion_curve, "deletion": found.deletion_curve}
        return {f"{name}: curves": torch.from_numpy(curve) for name, curve in both.items()}

    yield curves


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps(rows(sys.argv[1], sys.argv[2] == "quick")))
