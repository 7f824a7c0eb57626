"""One thread (the tests' tensors are small), the same examples in every run, and deviations from oracles."""

import os
import signal
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

import benchmarks  # noqa: F401 - names the kernels where the project is not installed
from tests.faults import table

torch.set_num_threads(1)
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported: its kernels run here, by the interpreter
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in a script's background; jobs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("attx", derandomize=True, max_examples=50, **UNTIMED)
settings.load_profile("attx")

FOUND = pytest.StashKey[dict[tuple[str, str], tuple[float, float]]]()


def pytest_addoption(parser):
    parser.addoption("--oracles", metavar="FILE", help="run the tests against oracles; write their deviations to FILE")
    parser.addoption("--faults", metavar="FILE", help="run the tests that inject faults; write those survived to FILE")
    parser.addoption("--kills", metavar="N", type=int, default=20, help="how often file writers are killed, in units")
    parser.addoption("--seed", metavar="N", type=int, default=1, help="of the random points where faults are injected")


@pytest.fixture
def deviation(request):
    """deviation(what, oracle, value, bound) asserts that value <= bound, and keeps the largest for `make oracles`."""
    found = request.config.stash.setdefault(FOUND, {})

    def check(what: str, oracle: str, value: float | torch.Tensor, bound: float) -> None:
        value = float(value)
        assert value <= bound, f"{what} deviates from {oracle} by {value:.3g}"
        found[what, oracle] = tuple(map(max, zip(found.get((what, oracle), (0.0, 0.0)), (value, bound), strict=True)))

    return check


@pytest.fixture
def survived(request):
    """survived(fault, count, told) notes for `make faults` that a fault was survived, and what a person was told."""
    rows = request.config.stash.setdefault(table.ROWS, [])
    test = f"{request.path.stem}.{request.node.originalname}"
    return lambda fault, count, told: rows.append((fault, count, told, test))


def pytest_collection_modifyitems(config, items):
    for option, fixture in (("--oracles", "deviation"), ("--faults", "survived")):
        if config.getoption(option):
            items[:] = [item for item in items if fixture in getattr(item, "fixturenames", ())]


def pytest_sessionfinish(session, exitstatus):
    config = session.config
    if exitstatus:
        return
    if file := config.getoption("--faults"):
        table.write(file, config.stash[table.ROWS], config.getoption("--seed"))
    if file := config.getoption("--oracles"):
        _write_deviations(file, sorted(config.stash[FOUND].items()))


def _write_deviations(file: str, rows: list) -> None:
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "torchattacks", "captum"))
    lines = [
        "# Deviations from oracles",
        "",
        "The largest over all tests of a row, as `make oracles` finds them. Points of a path: absolute, in units of",
        "[0, 1] images; gradients and maps: relative to the oracle's largest value. In float64, unless a row says",
        f"otherwise, on a CPU, with {versions}.",
        "",
        "| what | oracle | largest deviation | bound |",
        "|---|---|---|---|",
        *(f"| {what} | {oracle} | {value:.1e} | {bound:.0e} |" for (what, oracle), (value, bound) in rows),
    ]
    Path(file).write_text("\n".join(lines) + "\n", encoding="utf-8")
