"""One thread (the tests' tensors are small), the same examples in every run, and deviations from oracles."""

import os
import signal
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from hypothesis import settings

import benchmarks  # noqa: F401 - names the kernels where the project is not installed

torch.set_num_threads(1)
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported: its kernels run here, by the interpreter
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in a script's background; jobs would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("attx", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("attx")

FOUND = pytest.StashKey[dict[tuple[str, str], tuple[float, float]]]()


def pytest_addoption(parser):
    parser.addoption("--oracles", metavar="FILE", help="run the tests against oracles; write their deviations to FILE")


@pytest.fixture
def deviation(request):
    """deviation(what, oracle, value, bound) asserts that value <= bound, and keeps the largest for `make oracles`."""
    found = request.config.stash.setdefault(FOUND, {})

    def check(what: str, oracle: str, value: float | torch.Tensor, bound: float) -> None:
        value = float(value)
        assert value <= bound, f"{what} deviates from {oracle} by {value:.3g}"
        found[what, oracle] = tuple(map(max, zip(found.get((what, oracle), (0.0, 0.0)), (value, bound), strict=True)))

    return check


def pytest_collection_modifyitems(config, items):
    if config.getoption("--oracles"):
        items[:] = [item for item in items if "deviation" in getattr(item, "fixturenames", ())]


def pytest_sessionfinish(session, exitstatus):
    file = session.config.getoption("--oracles")
    if not file or exitstatus:
        return
    rows = sorted(session.config.stash[FOUND].items())
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
