"""Benchmarks: `make bench`, `make bench-gpu`, or `python -m benchmarks.run --help` from the project's folder.

They run without installing the project: its kernels' import name, mapped in pyproject.toml, is registered here.
"""

import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

if importlib.util.find_spec("attx_kernels") is None:
    folder = ROOT / "kernels"
    spec = importlib.util.spec_from_file_location(
        "attx_kernels", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules["attx_kernels"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["attx_kernels"])
