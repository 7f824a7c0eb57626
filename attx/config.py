"""The configuration: checked whole before anything runs, then cut into the slices that each rule depends on.

No torch here: the Snakefile imports this. Keys and types are those of the dataclass below and, for an entry
`label: {use: file, **params}`, those of the file's `build` (`attx.registry`).
"""

import json
from dataclasses import dataclass, field, fields
from typing import Any

from attx import registry, variants
from attx.checks import JUDGED, SOURCE, check
from attx.entries import filled, without_presets
from attx.errors import UserError
from attx.variants import Variant


@dataclass(frozen=True)
class Config:
    """A whole configuration; entries map a label to its spec. `of` builds it from a parsed YAML file."""

    data: dict[str, dict]
    models: dict[str, dict]
    methods: dict[str, dict] = field(default_factory=dict)
    metrics: dict[str, dict] = field(default_factory=dict)
    attacks: dict[str, dict] = field(default_factory=dict)
    postprocess: dict[str, dict] = field(default_factory=lambda: {"signed": {}})
    figures: dict[str, dict] = field(default_factory=dict)
    results: str = "results"
    reference: str = "attexplore"  # the method that tables test the others against
    target: str = "predicted"  # the class explained: the model's prediction or the image's label
    note: str = ""  # printed on every figure
    seed: int = 3407
    dtype: str = "float32"
    precision: str = "full"  # of float32 products and convolutions, or of the network (autocast)
    compile: bool = False
    device: str = "auto"
    threads: int = 1
    batch_size: int | str = "auto"
    shard_size: int = 100
    methods_per_job: int = 1  # methods that share a job, which loads the model once

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Config":
        """Check `raw` and fill in what it leaves out; UserError names the wrong key and the nearest right one."""
        kinds = {f.name: f.type.__name__ if isinstance(f.type, type) else str(f.type) for f in fields(cls)}
        allowed = {name: kind.split("[")[0] for name, kind in kinds.items()}
        entries = {name for name, kind in allowed.items() if kind == "dict"}
        raw = {key: {} if value is None and key in entries else value for key, value in raw.items()}
        registry.check("config", raw, allowed)
        needed = {"data": True, "models": True, "metrics": not raw.get("figures")}
        needed["methods"] = needed["metrics"] or raw.get("metrics")
        missing = [key for key in needed if needed[key] and not raw.get(key)]
        if missing:
            raise UserError(
                f"config: {', '.join(missing)}: at least one entry is needed, such as `{missing[0]}: {{...}}`"
            )
        for family in entries & raw.keys():
            raw[family] = {str(label): filled(family, label, spec) for label, spec in raw[family].items()}
        if not raw.get("postprocess"):
            raw.pop("postprocess", None)  # its default
        raw["methods"] = without_presets(raw.get("methods", {}))
        if "attexplore" not in raw["methods"]:
            raw.setdefault("reference", next(iter(raw["methods"]), ""))
        config = cls(**raw)
        check(config)
        return config

    def attacker(self, spec: dict) -> dict:
        """The spec of the attack that an attexplore method names: a label of `attacks:` or a file."""
        name = spec.get("attack", "ssa")
        return self.attacks.get(name, {"use": name})

    def attack(self, label: str) -> dict:
        """The whole spec of an attack on the label: with the run's seed and batch size where it takes them."""
        spec = self.attacker({"attack": label})
        takes = registry.parameters("attacks", spec["use"])
        return {key: getattr(self, key) for key in ("seed", "batch_size") if key in takes} | spec

    def source(self, figure: str) -> dict:
        """Where a figure's data come from: labels, with defaults filled in."""
        spec = self.figures[figure]
        needs = registry.constant("figures", spec["use"], "NEEDS")
        defaults = {
            "metric": next(iter(self.metrics), ""),
            "postprocess": next(iter(self.postprocess)),
            "models": list(self.models),
            "methods": list(self.methods) if needs == "gallery" else [self.reference],
            "images": 4 if needs in ("gallery", "trace") else None,
            "values": [],
            "attacks": list(self.attacks or registry.names("attacks")),
            "sources": [next(iter(self.models))],
        }
        return {key: spec.get(key) or defaults[key] for key in SOURCE[needs]}

    def data_set(self, label: str) -> dict:
        """The spec of a data set, or of its first images, whose label is `label@first=4`."""
        name, _, number = label.partition("@first=")
        return self.data[name] | ({"part": int(number)} if number else {})

    def part(self, data: str, images: int | None) -> str:
        """The label of the first so many images of a data set; None: of all."""
        return f"{data}@first={images}" if images else data

    def data_sets(self) -> list[str]:
        """The labels of all data sets that jobs work on: those of the config, and first images of them."""
        numbers = [spec.get("images") for spec in self.metrics.values()]
        numbers += [self.source(label).get("images") for label in self.figures if not self._is_gallery(label)]
        return list(dict.fromkeys(self.part(data, number) for number in [None, *numbers] for data in self.data))

    def _is_gallery(self, figure: str) -> bool:
        return registry.constant("figures", self.figures[figure]["use"], "NEEDS") == "gallery"

    def variants(self) -> dict[str, dict[str, Variant]]:
        """By figure of an ablation, its variants of methods by label."""
        figures = {label: spec | self.source(label) for label, spec in self.figures.items()}
        return variants.of_figures(figures, self._whole)

    def tabled(self) -> list[str]:
        """The figures that come with a table."""
        return [label for label, spec in self.figures.items() if registry.defines("figures", spec["use"], "table")]

    def method(self, label: str) -> dict:
        """A method's spec with its attack's merged in, and the run's seed and batch size where it takes them.

        `label` may be a variant's.
        """
        if label in self.methods:
            return self._whole(label, {})
        variant = next(found[label] for found in self.variants().values() if label in found)
        return self._whole(variant.base, {variant.parameter: variant.value})

    def _whole(self, label: str, change: dict) -> dict:
        spec = self.methods[label] | change
        if "attack" in registry.parameters("attribution", spec["use"]):
            attack = self.attacker(spec)
            spec = attack | spec | {"use": spec["use"], "attack": attack["use"]}
        takes = registry.method_parameters(spec["use"], spec)
        return {key: getattr(self, key) for key in ("seed", "batch_size") if key in takes} | spec

    def metric(self, label: str) -> dict:
        """A metric's spec, with the run's seed, batch size and target where it takes them."""
        takes = registry.parameters("metrics", self.metrics[label]["use"])
        spec = {key: value for key, value in self.metrics[label].items() if key not in JUDGED}
        return {key: getattr(self, key) for key in ("seed", "batch_size", "target") if key in takes} | spec

    def judged(self, metric: str) -> dict[str, list[str]]:
        """The labels of `models`, `methods` and `postprocess` whose maps a metric scores for its table."""
        families = [key for key in JUDGED if key != "images"]
        return {family: self.metrics[metric].get(family) or list(getattr(self, family)) for family in families}

    def first_judge(self) -> dict[str, str]:
        """The labels of the first metric with areas under curves, and of the first post-processing."""
        metric = next((m for m, spec in self.metrics.items() if spec["use"] == "insertion_deletion"), "")
        return {"metric": metric, "postprocess": next(iter(self.postprocess))}

    def machine(self) -> dict:
        """What of the machine's use can change a result, most of it by rounding alone."""
        return {key: getattr(self, key) for key in ("dtype", "precision", "compile", "threads", "batch_size")}


def canonical(spec: Any) -> str:
    """One JSON string for one meaning: what `params` of a rule hold, and what a job reads back."""
    return json.dumps(spec, sort_keys=True, separators=(",", ":"))
