"""The configuration: checked whole before anything runs, then cut into the slices that each rule depends on.

No torch here: the Snakefile imports this. Keys and types are those of the dataclass below and, for an entry
`label: {use: file, **params}`, those of the file's `build` (`attx.registry`).
"""

import json
import re
from dataclasses import dataclass, field, fields
from typing import Any

from attx import registry, variants
from attx.errors import UserError, unknown
from attx.needs import check_metrics
from attx.presets import PRESETS
from attx.variants import Variant

POSTPROCESS = registry.keywords("postprocess.py", "postprocess")
# keys that entries take beside their file's own: of data, metrics, and figures by what they need
SELECTION = {"first": "int", "stratified": "int", "keep": "str"}
JUDGED = {"models": "list", "methods": "list", "postprocess": "list"}  # of metrics: labels, all where left out
SOURCE = {
    "scores": {"metric": "str"},
    "gallery": {"images": "int", "methods": "list", "postprocess": "str"},
    "ablation": {"metric": "str", "methods": "list", "models": "list", "postprocess": "str", "values": "list"},
    "cross": {"metric": "str", "methods": "list", "models": "list", "postprocess": "str"},
    "trace": {"methods": "list", "models": "list", "images": "int"},
    "transfer": {"attacks": "list", "models": "list", "sources": "list"},
}
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.-]*")
RESULTS = re.compile(r"[\w.+-][\w.+ -]*(/[\w.+-][\w.+ -]*)*")


@dataclass(frozen=True)
class Config:
    """A whole configuration; entries map a label to its spec. `of` builds it from a parsed YAML file."""

    data: dict[str, dict]
    models: dict[str, dict]
    methods: dict[str, dict]
    metrics: dict[str, dict]
    attacks: dict[str, dict] = field(default_factory=dict)
    postprocess: dict[str, dict] = field(default_factory=lambda: {"signed": {}})
    figures: dict[str, dict] = field(default_factory=dict)
    results: str = "results"
    reference: str = "attexplore"  # the method that tables test the others against
    target: str = "predicted"  # the class explained: the model's prediction or the image's label
    note: str = ""  # printed on every figure
    seed: int = 3407
    dtype: str = "float32"
    device: str = "auto"
    threads: int = 1
    batch_size: int = 16
    shard_size: int = 100
    methods_per_job: int = 1  # methods that share a job, which loads the model once

    @classmethod
    def of(cls, raw: dict[str, Any]) -> "Config":
        """Check `raw` and fill in what it leaves out; UserError names the wrong key and the nearest right one."""
        allowed = {f.name: getattr(f.type, "__name__", str(f.type)) for f in fields(cls)}
        allowed = {name: kind.split("[")[0] for name, kind in allowed.items()}
        entries = {name for name, kind in allowed.items() if kind == "dict"}
        raw = {key: {} if value is None and key in entries else value for key, value in raw.items()}
        registry.check("config", raw, allowed)
        missing = [key for key in ("data", "models", "methods", "metrics") if not raw.get(key)]
        if missing:
            raise UserError(
                f"config: {', '.join(missing)}: at least one entry is needed, such as `{missing[0]}: {{...}}`"
            )
        for family in entries & raw.keys():
            raw[family] = {str(label): _spec(family, label, spec) for label, spec in raw[family].items()}
        raw["methods"] = _without_presets(raw["methods"])
        if "attexplore" not in raw["methods"]:
            raw.setdefault("reference", next(iter(raw["methods"])))
        config = cls(**raw)
        config._check()
        return config

    def _check(self) -> None:
        for key, choices in (
            ("target", ("predicted", "label")),
            ("dtype", ("float32", "float64")),
        ):
            if getattr(self, key) not in choices:
                raise UserError(f"config: {key}: {unknown('value', getattr(self, key), choices)}")
        for key in ("threads", "batch_size", "shard_size", "methods_per_job"):
            if getattr(self, key) < 1:
                raise UserError(f"config: {key}: {getattr(self, key)} must be at least 1")
        if not RESULTS.fullmatch(self.results) or ".." in self.results.split("/"):
            raise UserError(
                f"config: results: {self.results!r} must be a folder below the one where you run, such as results/mine"
            )
        for family in ("data", "models", "attacks", "metrics", "figures", "postprocess"):
            for label in getattr(self, family):
                self._check_entry(family, label)
        for family in ("metrics", "figures"):
            self._check_files(family)
        for label, spec in self.methods.items():
            self._check_method(label, spec)
        check_metrics(self.metrics, self.methods)
        for label in self.figures:
            self._check_source(label)
        if self.reference not in self.methods:
            raise UserError(f"config: reference: {unknown('method', self.reference, self.methods)}")

    def _check_files(self, family: str) -> None:
        """Tables and figures are named `data_label`: no two may have one name."""
        found: dict[str, str] = {}
        labels = [*getattr(self, family), *(self.tabled() if family == "metrics" else ())]
        for data in self.data:
            for label in labels:
                name, both = f"{data}_{label}", f"data {data} with {family} {label}"
                if found.setdefault(name, both) != both:
                    raise UserError(f"config: {found[name]} and {both} would both be written to {name}: rename one")

    def _check_entry(self, family: str, label: str) -> None:
        spec = getattr(self, family)[label]
        where = f"config: {family}.{label}"
        if family == "postprocess":
            return registry.check(where, spec, POSTPROCESS)
        if spec.get("keep", "all") not in ("all", "correct"):
            raise UserError(f"{where}.keep: {unknown('value', spec['keep'], ('all', 'correct'))}")
        extra = {"data": SELECTION, "metrics": JUDGED}.get(family, {})
        if family == "metrics":
            self._check_labels(where, spec)
        if family == "figures" and spec["use"] in registry.names("figures"):
            extra = SOURCE[registry.constant("figures", spec["use"], "NEEDS")]
            self._check_labels(where, spec)
        self._check_params(where, family, spec["use"], spec, extra)

    def _check_labels(self, where: str, spec: dict) -> None:
        """`metric`, `methods`, `models`, `sources`, `postprocess` of a figure or metric are labels of this config."""
        families = {key: key for key in ("methods", "models", "postprocess")}
        families |= {"metric": "metrics", "sources": "models"}
        for key, family in families.items():
            known = getattr(self, family)
            for label in [spec[key]] if isinstance(spec.get(key), str) else spec.get(key) or []:
                if label not in known:
                    raise UserError(f"{where}.{key}: {unknown(family.rstrip('s'), label, known)}")

    def _check_method(self, label: str, spec: dict) -> None:
        where = f"config: methods.{label}"
        extra = {}
        if "attack" in spec:
            attack = self._attack(spec)["use"]
            if attack not in registry.names("attacks"):
                known = {*registry.names("attacks"), *self.attacks}
                raise UserError(f"{where}.attack: {unknown('attack', attack, known)}")
        if spec["use"] in registry.names("attribution"):
            extra = registry.method_parameters(spec["use"], {"attack": self._attack(spec)["use"]})
        self._check_params(where, "attribution", spec["use"], spec, extra)
        whole = [m for m, s in self.methods.items() if "of" not in s]
        for member in spec.get("of", ()):  # an ensemble's
            if member not in whole:
                raise UserError(f"{where}.of: {unknown('method', member, whole)}")

    @staticmethod
    def _check_params(where: str, family: str, use: str, spec: dict, extra: dict) -> None:
        if use not in registry.names(family):
            raise UserError(f"{where}: {unknown(registry.singular(family), use, registry.names(family))}")
        params = {key: value for key, value in spec.items() if key != "use"}
        registry.check(where, params, registry.parameters(family, use) | extra)

    def _check_source(self, label: str) -> None:
        """What the jobs behind a figure need: variants that the methods can take, methods with a path, attacks."""
        spec, where = self.figures[label], f"config: figures.{label}"
        needs = registry.constant("figures", spec["use"], "NEEDS")
        if needs == "ablation":
            for key in ("parameter", "values"):
                if not spec.get(key):
                    raise UserError(f"{where}.{key} is needed: say what is varied, and the values")
        source = self.source(label)
        for method in source.get("methods", ()) if needs in ("ablation", "trace") else ():
            spec_of = self.methods[method]
            takes = registry.method_parameters(
                spec_of["use"], self._attack(spec_of) if "attack" in spec_of else spec_of
            )
            if needs == "trace" and "attack" not in takes:
                raise UserError(f"{where}.methods: {method} has no path to draw; give methods of `use: attexplore`")
            for value in spec["values"] if needs == "ablation" else ():
                registry.check(f"{where}: {method}", {spec["parameter"]: value}, takes)
        for attack in source.get("attacks", ()):
            if self._attack({"attack": attack})["use"] not in registry.names("attacks"):
                raise UserError(
                    f"{where}.attacks: {unknown('attack', attack, {*registry.names('attacks'), *self.attacks})}"
                )

    def _attack(self, spec: dict) -> dict:
        """The spec of the attack that an attexplore method names: a label of `attacks:` or a file."""
        name = spec.get("attack", "ssa")
        return self.attacks.get(name, {"use": name})

    def attack(self, label: str) -> dict:
        """The whole spec of an attack on the label: with the run's seed and batch size where it takes them."""
        spec = self._attack({"attack": label})
        takes = registry.parameters("attacks", spec["use"])
        return {key: getattr(self, key) for key in ("seed", "batch_size") if key in takes} | spec

    def source(self, figure: str) -> dict:
        """Where a figure's data come from: labels, with defaults filled in."""
        spec = self.figures[figure]
        needs = registry.constant("figures", spec["use"], "NEEDS")
        defaults = {
            "metric": next(iter(self.metrics)),
            "postprocess": next(iter(self.postprocess)),
            "models": list(self.models),
            "methods": list(self.methods) if needs == "gallery" else [self.reference],
            "images": 4,
            "values": [],
            "attacks": list(self.attacks or registry.names("attacks")),
            "sources": [next(iter(self.models))],
        }
        return {key: spec.get(key) or defaults[key] for key in SOURCE[needs]}

    def variants(self) -> dict[str, dict[str, Variant]]:
        """By figure of an ablation, its variants of methods by label."""
        figures = {label: spec | self.source(label) for label, spec in self.figures.items()}
        return variants.of_figures(figures, {label: self.method(label) for label in self.methods})

    def tabled(self) -> list[str]:
        """The figures that come with a table."""
        return [label for label, spec in self.figures.items() if registry.defines("figures", spec["use"], "table")]

    def method(self, label: str) -> dict:
        """A method's spec with its attack's merged in, and the run's seed and batch size where it takes them.

        `label` may be a variant's.
        """
        if label not in self.methods:
            variant = next(found[label] for found in self.variants().values() if label in found)
            return self.method(variant.base) | {variant.parameter: variant.value}
        spec = dict(self.methods[label])
        if "attack" in registry.parameters("attribution", spec["use"]):
            attack = self._attack(spec)
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
        return {family: self.metrics[metric].get(family) or list(getattr(self, family)) for family in JUDGED}

    def machine(self) -> dict:
        """What of the machine's use can change a result by rounding."""
        return {"dtype": self.dtype, "threads": self.threads, "batch_size": self.batch_size}


def _spec(family: str, label: Any, spec: Any) -> dict:
    """An entry with `use` filled in: the file named as the label; other models are torchvision's."""
    if not LABEL.fullmatch(str(label)):
        raise UserError(f"config: {family}.{label}: a label may have letters, digits and _ + - . only: it names files")
    if not isinstance(spec, dict | None):
        raise UserError(f"config: {family}.{label}: {spec!r} must be a mapping, such as {{}} or {{use: file}}")
    texts = family in ("data", "models")  # a path may look like a fraction
    spec = {key: value if texts else _numbers(value) for key, value in (spec or {}).items()}
    if family == "postprocess":
        return spec
    spec.setdefault(
        "use", "torchvision" if family == "models" and label not in registry.names("models") else str(label)
    )
    if family == "models" and spec["use"] in ("torchvision", "timm"):
        spec.setdefault("name", str(label))
    return spec


def _numbers(value: Any) -> Any:
    return [registry.number(v) for v in value] if isinstance(value, list) else registry.number(value)


def _without_presets(methods: dict[str, dict]) -> dict[str, dict]:
    """Each preset replaced by its methods, `label_name`; keys given to the preset are set for all of them."""
    found: dict[str, dict] = {}
    for label, spec in methods.items():
        given = {key: value for key, value in spec.items() if key != "use"}
        members = PRESETS.get(spec["use"])
        entries = {label: spec} if members is None else {f"{label}_{n}": m | given for n, m in members.items()}
        twice = entries.keys() & found.keys()
        if twice:
            raise UserError(f"config: methods.{label}: {', '.join(sorted(twice))} is there already; rename one")
        found |= entries
    return found


def canonical(spec: Any) -> str:
    """One JSON string for one meaning: what `params` of a rule hold, and what a job reads back."""
    return json.dumps(spec, sort_keys=True, separators=(",", ":"))
