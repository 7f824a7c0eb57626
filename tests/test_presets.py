"""Presets stand for methods that exist, with keys that these take."""

import subprocess
import sys

import pytest

from attx import registry
from attx.presets import PRESETS


@pytest.mark.parametrize("preset", PRESETS)
def test_every_spec_passes_the_check(preset):
    assert preset not in registry.names("attribution")
    for suffix, spec in PRESETS[preset].items():
        params = {key: value for key, value in spec.items() if key != "use"}
        registry.check(f"{preset}_{suffix}", params, registry.method_parameters(spec["use"], spec))
        registry.known("attacks", spec["attack"])


def test_attexplore_pp_has_ten_attacks_in_the_order_of_the_docs():
    assert list(PRESETS["attexplore_pp"]) == ["bim", "pgd", "di", "ti", "mi", "sini", "naa", "ssa", "mig", "gra"]


def test_presets_load_no_torch():
    check = "import attx.presets, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=600)
