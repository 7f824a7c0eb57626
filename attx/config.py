"""The configuration: checked whole before anything runs, then cut into the slices that each rule depends on.

No torch here: the Snakefile imports this. Keys and types are those of the dataclass below and, for an entry
`label: {use: file, **params}`, those of the file's `build` (`attx.registry`).
"""

import json
from dataclasses import dataclass, field, fields
from typing import Any

from attx import registry, variants
from attx.checks import CONDITIONS, JUDGED, SOURCE, check
from attx.checks_pairs import perturbed_alone
from attx.configfile import check_extent
from attx.entries import filled, trained, without_presets
from attx.errors import UserError
from attx.needs import PERTURBED, SEEDS, from_stores, pairs
from attx.variants import Variant

GALLERIES = ("gallery", "pixels")  # of which a figure shows the first images, without jobs of their own


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
    training: dict[str, dict] = field(default_factory=dict)  # of models: `use: trained`
    perturbations: dict[str, dict] = field(default_factory=dict)  # attributional attacks
    results: str = "results"
    reference: str = "attexplore"  # the method that tables test the others against
    target: str = "predicted"  # the class explained: the model's prediction or the image's label
    note: str = ""  # printed on every figure
    seed: int = 3407
    dtype: str = "float32"
    precision: str = "full"  # of float32 products and convolutions, or of the network (autocast)
    compile: bool | str = False  # or "graphs"
    device: str = "auto"
    threads: int = 1
    batch_size: int | str = "auto"
    shard_size: int | str = "auto"
    methods_per_job: int = 1  # methods that share a job, which loads the model once
    gallery_images: int = 8  # that the page of `make report` shows, at most

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Config":
        """Check `raw` and fill in what it leaves out; UserError names the wrong key and the nearest right one."""
        check_extent(raw)
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
        raw["models"] = trained(raw["models"], raw.get("training", {}), raw.get("results", cls.results))
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
        compared = [m for m, metric in self.metrics.items() if pairs(metric["use"]) == PERTURBED]
        defaults = {
            "metric": next(iter(compared if perturbed_alone(spec["use"]) else self.metrics), ""),
            "postprocess": next(iter(self.postprocess)),
            "models": list(self.models),
            "methods": list(self.methods) if needs == "gallery" else [self.reference],
            "images": 4 if needs in ("gallery", "trace", "pixels") else None,
            "values": [],
            "attacks": list(self.attacks or registry.names("attacks")),
            "sources": [next(iter(self.models))],
            "perturbations": list(self.perturbations),
            "training": list(self.training),
            "metrics": list(self.metrics),
        }
        found = {key: spec.get(key) or defaults[key] for key in SOURCE[needs]}
        return self._compared(found, spec) if needs == "pixels" and found["metric"] in self.metrics else found

    def _compared(self, source: dict, spec: dict) -> dict:
        """The source of a picture of pixels, its defaults being what its metric compares."""
        held = self.judged(source["metric"])
        perturbations = list(dict.fromkeys(v.base for v in self.perturbed(source["metric"]).values()))
        methods = [self.reference] if self.reference in held["methods"] else held["methods"][:1]
        own = {"models": held["models"], "methods": methods, "postprocess": held["postprocess"][0]}
        own["perturbations"] = perturbations
        return source | {key: value for key, value in own.items() if not spec.get(key)}

    def data_set(self, label: str) -> dict:
        """The spec of a data set, or of its first images, whose label is `label@first=4`."""
        name, _, number = label.partition("@first=")
        return self.data[name] | ({"part": int(number)} if number else {})

    def part(self, data: str, images: int | None) -> str:
        """The label of the first so many images of a data set; None: of all."""
        return f"{data}@first={images}" if images else data

    def shown(self, data: str, figure: str) -> str:
        """The label of the images that a gallery takes its first from: of all, or of those that its metric has."""
        metric = self.source(figure).get("metric")
        return self.part(data, self.metrics[metric].get("images") if metric else None)

    def data_sets(self) -> list[str]:
        """The labels of all data sets that jobs work on: those of the config, and first images of them."""
        numbers = [spec.get("images") for spec in self.metrics.values()]
        numbers += [self.source(label).get("images") for label in self.figures if self.needs(label) not in GALLERIES]
        return list(dict.fromkeys(self.part(data, number) for number in [None, *numbers] for data in self.data))

    def needs(self, figure: str) -> str:
        """What a figure is drawn from."""
        return registry.constant("figures", self.figures[figure]["use"], "NEEDS")

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
        groups = [*self.variants().values(), *map(self.reseeded, self.metrics)]
        variant = next(found[label] for found in groups if label in found)
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
        spec = {key: value for key, value in self.metrics[label].items() if key not in JUDGED | CONDITIONS}
        return {key: getattr(self, key) for key in ("seed", "batch_size", "target") if key in takes} | spec

    def judged(self, metric: str) -> dict[str, list[str]]:
        """The labels of `models`, `methods` and `postprocess` whose maps a metric scores for its table."""
        every = {family: list(getattr(self, family)) for family in JUDGED if family != "images"}
        if pairs(self.metrics[metric]["use"]):
            every["methods"] = [m for m in every["methods"] if not from_stores(self.methods[m]["use"])]
        return {family: self.metrics[metric].get(family) or labels for family, labels in every.items()}

    def reseeded(self, metric: str) -> dict[str, Variant]:
        """By label the methods with other seeds, of which a metric compares the maps with those of the run's seed."""
        spec = self.metrics[metric]
        if pairs(spec["use"]) != SEEDS:
            return {}
        seeds = spec.get("seeds") or registry.default("metrics", spec["use"], "seeds")
        return variants.of_seeds(self.judged(metric)["methods"], seeds, self._whole)

    def seeds(self, metric: str) -> dict[str, list[str]]:
        """The labels of each judged method with the other seeds of a metric; its own if it draws nothing."""
        found = {method: [] for method in self.judged(metric)["methods"]}
        for label, variant in self.reseeded(metric).items():
            found[variant.base].append(label)
        drawing = [method for method in found if "seed" in self._whole(method, {})]
        return {method: labels if method in drawing else [method] for method, labels in found.items()}

    def perturbed(self, metric: str) -> dict[str, Variant]:
        """By label the perturbations that a metric's entry names, each at its epsilons."""
        entry = self.metrics[metric]
        named = entry.get("perturbations") or self.perturbations
        return variants.of_epsilons({label: self.perturbations[label] for label in named}, entry.get("epsilons") or [])

    def strongest(self, *, metric: str, perturbations: list[str], **_: object) -> dict[str, tuple[str, float]]:
        """Of each perturbation the label at the largest epsilon that a metric has it at: its base and epsilon."""
        found = {}
        for base in perturbations:
            each = {label: variant.value for label, variant in self.perturbed(metric).items() if variant.base == base}
            label = max(each, key=each.get)
            found[label] = (base, each[label])
        return found

    def perturbation(self, label: str) -> dict:
        """The whole spec of a perturbation, or of one at another epsilon; with the run's seed and batch size."""
        variant = self._conditions()[label]
        spec = self.perturbations[variant.base]
        takes = registry.parameters("perturbations", spec["use"])
        filled = {key: getattr(self, key) for key in ("seed", "batch_size") if key in takes}
        return filled | spec | {"epsilon": variant.value}

    def condition(self, label: str) -> tuple[str, float]:
        """The perturbation that a label names, and its epsilon."""
        variant = self._conditions()[label]
        return variant.base, variant.value

    def _conditions(self) -> dict[str, Variant]:
        metrics = [metric for metric, spec in self.metrics.items() if pairs(spec["use"]) == PERTURBED]
        return {label: variant for metric in metrics for label, variant in self.perturbed(metric).items()}

    def trained(self, label: str) -> dict:
        """The whole spec of a training, with the run's seed."""
        return {"seed": self.seed} | self.training[label]

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
