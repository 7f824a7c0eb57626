"""Variants of methods: what an ablation figure varies, as methods of their own whose labels say what was varied.

No torch: the Snakefile imports this.
"""

from collections.abc import Callable, Mapping
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


def asked(spec: Mapping) -> list[Variant]:
    """All variants that the entry of an ablation's figure asks for."""
    return [Variant(method, spec["parameter"], value) for method in spec["methods"] for value in spec["values"]]


def of_figures(figures: Mapping[str, dict], whole: Callable[[str, dict], dict]) -> dict[str, dict[str, Variant]]:
    """By figure, the variants that it shows, by the label of the method whose results they are.

    A value that the method has anyway is no new method: its label is the method's own. `whole` gives the whole spec of
    a method of which some keys are changed.
    """
    found: dict[str, dict[str, Variant]] = {}
    for figure, spec in figures.items():
        if registry.constant("figures", spec["use"], "NEEDS") == "ablation":
            found[figure] = {v.base if _is_own(v, whole) else v.label: v for v in asked(spec)}
    return found


def _is_own(variant: Variant, whole: Callable[[str, dict], dict]) -> bool:
    """Whether the method has the value already."""
    spec = whole(variant.base, {})
    given = {variant.parameter: registry.method_default(spec["use"], spec, variant.parameter)} | spec
    return given == whole(variant.base, {variant.parameter: variant.value})
