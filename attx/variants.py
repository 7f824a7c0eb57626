"""Variants of methods: what an ablation figure varies, as methods of their own whose labels say what was varied.

No torch: the Snakefile imports this.
"""

from collections.abc import Mapping
from typing import NamedTuple

from attx import registry


class Variant(NamedTuple):
    """A method of the config with one parameter set to another value."""

    base: str
    parameter: str
    value: float | str

    @property
    def label(self) -> str:
        """`attexplore@epsilon=0.0313725`: no label of a config has an @."""
        value = f"{self.value:.6g}" if isinstance(self.value, float) else self.value
        return f"{self.base}@{self.parameter}={value}"


def of_figures(figures: Mapping[str, dict], methods: Mapping[str, dict]) -> dict[str, dict[str, Variant]]:
    """By figure, the variants that it shows, by the label of the method whose results they are.

    A value that the method has anyway is no new method: its label is the method's own.
    """
    found: dict[str, dict[str, Variant]] = {}
    for figure, spec in figures.items():
        if registry.constant("figures", spec["use"], "NEEDS") == "ablation":
            variants = [Variant(m, spec["parameter"], value) for m in spec["methods"] for value in spec["values"]]
            found[figure] = {v.base if _is_own(v, methods[v.base]) else v.label: v for v in variants}
    return found


def _is_own(variant: Variant, spec: dict) -> bool:
    """Whether a method, whose whole spec is given, has the value already."""
    return spec.get(variant.parameter, registry.method_default(spec["use"], spec, variant.parameter)) == variant.value
