"""The configuration: checked whole before anything runs, then cut into the slices that each rule depends on.

No torch here: the Snakefile imports this. Keys and types are those of the dataclass below and, for an entry
`label: {use: file, **params}`, those of the file's `build` (`attx.registry`).
"""

import json
import re
from dataclasses import dataclass, field, fields
from typing import Any

from attx import registry
from attx.errors import UserError, unknown
from attx.needs import check_metrics

POSTPROCESS = registry.keywords("postprocess.py", "postprocess")
# keys that entries take beside their file's own: of data, and of figures by what they need
SELECTION = {"first": "int", "stratified": "int", "keep": "str"}
SOURCE = {"scores": {"metric": "str"}, "gallery": {"images": "int", "methods": "list", "postprocess": "str"}}
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
        for key in ("threads", "batch_size", "shard_size"):
            if getattr(self, key) < 1:
                raise UserError(f"config: {key}: {getattr(self, key)} must be at least 1")
        if not RESULTS.fullmatch(self.results) or ".." in self.results.split("/"):
            raise UserError(
                f"config: results: {self.results!r} must be a folder below the one where you run, such as results/mine"
            )
        for family in ("metrics", "figures"):
            self._check_files(family)
        for family in ("data", "models", "attacks", "metrics", "figures", "postprocess"):
            for label in getattr(self, family):
                self._check_entry(family, label)
        for label, spec in self.methods.items():
            self._check_method(label, spec)
        check_metrics(self.metrics, self.methods)
        if self.reference not in self.methods:
            raise UserError(f"config: reference: {unknown('method', self.reference, self.methods)}")

    def _check_files(self, family: str) -> None:
        """Tables and figures are named `data_label`: no two may have one name."""
        found: dict[str, str] = {}
        for data in self.data:
            for label in getattr(self, family):
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
        extra = SELECTION if family == "data" else {}
        if family == "figures" and spec["use"] in registry.names("figures"):
            extra = SOURCE[registry.constant("figures", spec["use"], "NEEDS")]
            self._check_labels(where, spec)
        self._check_params(where, family, spec["use"], spec, extra)

    def _check_labels(self, where: str, spec: dict) -> None:
        """A figure's `metric`, `methods`, `models` and `postprocess` are labels of this config."""
        families = {"metric": "metrics", "methods": "methods", "models": "models", "postprocess": "postprocess"}
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

    @staticmethod
    def _check_params(where: str, family: str, use: str, spec: dict, extra: dict) -> None:
        if use not in registry.names(family):
            raise UserError(f"{where}: {unknown(registry.singular(family), use, registry.names(family))}")
        params = {key: value for key, value in spec.items() if key != "use"}
        registry.check(where, params, registry.parameters(family, use) | extra)

    def _attack(self, spec: dict) -> dict:
        """The spec of the attack that an attexplore method names: a label of `attacks:` or a file."""
        name = spec.get("attack", "ssa")
        return self.attacks.get(name, {"use": name})

    def method(self, label: str) -> dict:
        """A method's spec with its attack's merged in, and the run's seed and batch size where it takes them."""
        spec = dict(self.methods[label])
        if "attack" in registry.parameters("attribution", spec["use"]):
            attack = self._attack(spec)
            spec = attack | spec | {"use": spec["use"], "attack": attack["use"]}
        takes = registry.method_parameters(spec["use"], spec)
        return {key: getattr(self, key) for key in ("seed", "batch_size") if key in takes} | spec

    def metric(self, label: str) -> dict:
        """A metric's spec, with the run's batch size and target where it takes them."""
        takes = registry.parameters("metrics", self.metrics[label]["use"])
        return {key: getattr(self, key) for key in ("batch_size", "target") if key in takes} | self.metrics[label]

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
    spec = {key: value if texts else registry.number(value) for key, value in (spec or {}).items()}
    if family == "postprocess":
        return spec
    spec.setdefault(
        "use", "torchvision" if family == "models" and label not in registry.names("models") else str(label)
    )
    if family == "models" and spec["use"] in ("torchvision", "timm"):
        spec.setdefault("name", str(label))
    return spec


def canonical(spec: Any) -> str:
    """One JSON string for one meaning: what `params` of a rule hold, and what a job reads back."""
    return json.dumps(spec, sort_keys=True, separators=(",", ":"))
