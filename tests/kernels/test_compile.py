"""Triton's compiler takes every kernel for GPUs of the Hopper generation. It needs none for that; the interpreter, by
which the other tests run kernels on a CPU, lets much pass that it does not."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from attx_kernels import dispatch, spectrum, topk, update, windows

ROOT = Path(__file__).parents[2]
NAMES = "height width inner size each count stream step pool k m n image_stride row_stride column_stride stride"
NUMBERS = dict.fromkeys(NAMES.split(), "i32")
PRODUCT = (
    dict.fromkeys(("a", "factor", "out"), "*fp32")
    | {"table": "*i64", "noise": "i32", "mask": "i32", "sigma": "fp32", "rho": "fp32"}
    | dict.fromkeys(["ab", "am", "ak", "fk", "fn", "ob", "om", "on"], "i32")
)
TILE = {"BN": spectrum.WIDEST, "BK": spectrum.DEEPEST}
STEP = dict.fromkeys(("values", "used", "point", "start", "following", "constants"), "*fp32")
SMOOTH = {"ROWS": update.ROWS, "COLUMNS": update.COLUMNS}
# module, kernel, types of the arguments that are no sizes or strides, constants, warps (of those that are tuned, none)
KERNELS = [
    ("philox", "_fill", {"table": "*i64", "out": "*fp32"}, {"NORMAL": True, "BLOCKS": 256}, 4),
    *(
        (
            "spectrum",
            "_product",
            PRODUCT,
            TILE
            | {"DRAWS": draws, "NOISE": draws, "ALIGNED": aligned, "TURNED": not draws, "PRECISION": precision}
            | ones,
            None,
        )
        for draws, aligned, precision, ones in (
            (True, True, "tf32x3", {"ak": 1, "fn": 1, "on": 1}),
            (True, False, "tf32", {"ak": 1, "fk": 1, "on": 1}),
            (False, False, "ieee", {"am": 1, "fn": 1, "om": 1}),
        )
    ),
    (
        "masking",
        "_mix",
        {"images": "*bf16", "covers": "*bf16", "out": "*bf16"}
        | dict.fromkeys(("ranks", "image", "threshold", "inserting"), "*i32"),
        {"SHARED": 3, "PLAIN": False},
        None,
    ),
    # as launches have them: unit strides are constants, and what is left out is None
    (
        "update",
        "_smooth",
        {"gradient": "*fp32", "used": "*fp32", "sums": "*fp32", "constants": "*fp32"},
        SMOOTH | {"RADIUS": 3, "ACROSS": 1},
        4,
    ),
    (
        "update",
        "_smooth",
        {"gradient": "*bf16", "used": "*bf16", "constants": "*fp32"},
        SMOOTH | {"RADIUS": 7, "ACROSS": 3, "sums": None},
        4,
    ),
    ("update", "_step", STEP | {"momentum": "*fp32", "total": "*fp32", "sums": "*fp32"}, {"BLOCK": update.BLOCK}, 4),
    ("update", "_step", STEP, {"BLOCK": update.BLOCK, "momentum": None, "total": None, "sums": None}, 4),
    (
        "windows",
        "_dilate",
        {"mask": "*u8", "found": "*u8"},
        {"RADIUS": 3, "ROWS": windows.ROWS, "COLUMNS": windows.COLUMNS, "column_stride": 1},
        2,
    ),
    (
        "topk",
        "_walk",
        {"candidates": "*i64", "taken": "*u8", "picks": "*i64", "counts": "*i32"},
        {"RADIUS": 3, "BLOCK": topk.BLOCK, "CELLS": topk.CELLS},
        1,
    ),
    ("dispatch", "_nothing", {"x": "*fp32"}, {}, 4),
]
COMPILE = """
import importlib, json, re, sys, warnings
warnings.simplefilter("ignore")
import benchmarks  # names the kernels where the project is not installed
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from attx_kernels.tune import OPTIONS, Tuned
for module, kernel, types, constants, warps in json.loads(sys.argv[1]):
    function = getattr(importlib.import_module(f"attx_kernels.{module}"), kernel)
    tuned = isinstance(function, Tuned)
    products = set()
    for setting in function.settings if tuned else [{"num_warps": warps}]:
        options = {name: setting[name] for name in OPTIONS if name in setting}
        given = constants | {name: setting[name] for name in setting if name not in OPTIONS}
        jitted = function.kernel if tuned else function
        signature = {name: "constexpr" if name in given else types[name] for name in jitted.arg_names}
        source = ASTSource(jitted, signature=signature, constexprs=given)
        made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
        assert made.asm["cubin"] and made.metadata.shared <= 227 * 1024, kernel
        products.add(frozenset(re.findall(r"(?:wg)?mma[\\w.]*sync[\\w.]*", made.asm["ptx"])))
    assert len(products) == 1, f"{kernel}: its settings do not give the same bits: {products}"
    print(f"{module}.{kernel}")
"""


def launched() -> set[str]:
    """Every kernel that a launch `kernel[grid](...)` names."""
    found = set()
    for path in (ROOT / "kernels").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript):
                found.add(f"{path.stem}.{node.func.value.id}")
    return found


@pytest.mark.skipif(dispatch.triton is None, reason="there is no Triton for this platform")
def test_all_kernels_compile(tmp_path):
    todo = [(module, kernel, NUMBERS | types, *rest) for module, kernel, types, *rest in KERNELS]
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, json.dumps(todo)],
        cwd=ROOT,
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert not done.returncode, done.stderr[-3000:]
    assert set(done.stdout.split()) == launched()
