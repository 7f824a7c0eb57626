"""Variants of methods and perturbations: what a figure or metric varies, each with a label that says what was varied.

No torch: the Snakefile imports this.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from attx import registry


class Variant(NamedTuple):
    """A method or perturbation of the config with one parameter set to another value."""

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


def of_seeds(methods: Iterable[str], seeds: Iterable[int], whole: Callable[[str, dict], dict]) -> dict[str, Variant]:
    """The methods that draw, with other seeds, by label; those that have the seed anyway are left out."""
    drawing = [m for m in methods if "seed" in whole(m, {})]
    found = [Variant(method, "seed", seed) for method in drawing for seed in seeds]
    return {variant.label: variant for variant in found if not _is_own(variant, whole)}


def of_epsilons(perturbations: Mapping[str, dict], epsilons: Iterable[float]) -> dict[str, Variant]:
    """The perturbations at each epsilon, by label; at its own, or where there are none, by the perturbation's own."""
    found = {}
    for label, spec in perturbations.items():
        own = spec.get("epsilon", registry.common_default("perturbations", "epsilon"))
        for epsilon in epsilons or [own]:
            variant = Variant(label, "epsilon", epsilon)
            found[label if epsilon == own else variant.label] = variant
    return found


def _is_own(variant: Variant, whole: Callable[[str, dict], dict]) -> bool:
    """Whether the method has the value already."""
    spec = whole(variant.base, {})
    given = {variant.parameter: registry.method_default(spec["use"], spec, variant.parameter)} | spec
    return given == whole(variant.base, {variant.parameter: variant.value})
