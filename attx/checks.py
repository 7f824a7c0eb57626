"""The checks of a whole configuration, before anything runs. No torch: the Snakefile imports this."""

import re
from typing import TYPE_CHECKING

from attx import registry
from attx.errors import UserError, unknown
from attx.needs import METHOD, check_metrics

if TYPE_CHECKING:
    from attx.config import Config

POSTPROCESS = registry.keywords("postprocess.py", "postprocess")
# keys that entries take beside their file's own: of data, metrics, and figures by what they need
SELECTION = {"first": "int", "stratified": "int", "keep": "str"}
JUDGED = {"models": "list", "methods": "list", "postprocess": "list", "images": "int"}
SCORED = JUDGED | {"metric": "str", "postprocess": "str"}
SOURCE = {
    "scores": {"metric": "str"},
    "gallery": {"images": "int", "methods": "list", "models": "list", "postprocess": "str"},
    "ablation": SCORED | {"values": "list"},
    "cross": SCORED,
    "trace": {"methods": "list", "models": "list", "images": "int"},
    "transfer": {"attacks": "list", "models": "list", "sources": "list", "images": "int"},
}
RESULTS = re.compile(r"[\w.+-][\w.+ -]*(/[\w.+-][\w.+ -]*)*")


def check(config: "Config") -> None:
    """UserError, naming the wrong key and the nearest right one, unless a run can be planned from the config."""
    for key, choices in (
        ("target", ("predicted", "label")),
        ("dtype", ("float32", "float64")),
    ):
        if getattr(config, key) not in choices:
            raise UserError(f"config: {key}: {unknown('value', getattr(config, key), choices)}")
    for key in ("threads", "batch_size", "shard_size", "methods_per_job"):
        if getattr(config, key) < 1:
            raise UserError(f"config: {key}: {getattr(config, key)} must be at least 1")
    if not RESULTS.fullmatch(config.results) or ".." in config.results.split("/"):
        raise UserError(
            f"config: results: {config.results!r} must be a folder below the one where you run, such as results/mine"
        )
    for family in ("data", "models", "attacks", "metrics", "figures", "postprocess"):
        for label in getattr(config, family):
            _entry(config, family, label)
    for family in ("metrics", "figures"):
        _files(config, family)
    for label, spec in config.methods.items():
        _method(config, label, spec)
    check_metrics(config.metrics, config.methods)
    for label in config.figures:
        _source(config, label)
    if config.methods and config.reference not in config.methods:
        raise UserError(f"config: reference: {unknown('method', config.reference, config.methods)}")


def _files(config: "Config", family: str) -> None:
    """Tables and figures are named `data_label`: no two may have one name."""
    found: dict[str, str] = {}
    labels = [*getattr(config, family), *(config.tabled() if family == "metrics" else ())]
    for data in config.data:
        for label in labels:
            name, both = f"{data}_{label}", f"data {data} with {family} {label}"
            if found.setdefault(name, both) != both:
                raise UserError(f"config: {found[name]} and {both} would both be written to {name}: rename one")


def _entry(config: "Config", family: str, label: str) -> None:
    spec = getattr(config, family)[label]
    where = f"config: {family}.{label}"
    if family == "postprocess":
        return registry.check(where, spec, POSTPROCESS)
    if spec.get("keep", "all") not in ("all", "correct"):
        raise UserError(f"{where}.keep: {unknown('value', spec['keep'], ('all', 'correct'))}")
    extra = {"data": SELECTION, "metrics": JUDGED}.get(family, {})
    if family == "metrics":
        _labels(config, where, spec)
    if family == "figures" and spec["use"] in registry.names("figures"):
        extra = SOURCE[registry.constant("figures", spec["use"], "NEEDS")]
        _labels(config, where, spec)
    if spec.get("images") is not None and spec["images"] < 1:
        raise UserError(f"{where}.images: {spec['images']} must be at least 1")
    _params(where, family, spec["use"], spec, extra)


def _labels(config: "Config", where: str, spec: dict) -> None:
    """`metric`, `methods`, `models`, `sources`, `postprocess` of a figure or metric are labels of this config."""
    families = {key: key for key in ("methods", "models", "postprocess")}
    families |= {"metric": "metrics", "sources": "models"}
    for key, family in families.items():
        known = getattr(config, family)
        for label in [spec[key]] if isinstance(spec.get(key), str) else spec.get(key) or []:
            if label not in known:
                raise UserError(f"{where}.{key}: {unknown(family.rstrip('s'), label, known)}")


def _method(config: "Config", label: str, spec: dict) -> None:
    where = f"config: methods.{label}"
    extra = {}
    if "attack" in spec:
        attack = config.attacker(spec)["use"]
        if attack not in registry.names("attacks"):
            known = {*registry.names("attacks"), *config.attacks}
            raise UserError(f"{where}.attack: {unknown('attack', attack, known)}")
    if spec["use"] in registry.names("attribution"):
        extra = registry.method_parameters(spec["use"], {"attack": config.attacker(spec)["use"]})
    _params(where, "attribution", spec["use"], spec, extra)
    if spec.get("rule") == "best" and not config.first_judge()["metric"]:
        raise UserError(f"{where}.rule: best needs a metric of `use: insertion_deletion`, by whose areas it chooses")
    whole = [m for m, s in config.methods.items() if "of" not in s]
    for member in spec.get("of", ()):  # an ensemble's
        if member not in whole:
            raise UserError(f"{where}.of: {unknown('method', member, whole)}")


def _params(where: str, family: str, use: str, spec: dict, extra: dict) -> None:
    if use not in registry.names(family):
        raise UserError(f"{where}: {unknown(registry.singular(family), use, registry.names(family))}")
    params = {key: value for key, value in spec.items() if key != "use"}
    registry.check(where, params, registry.parameters(family, use) | extra)
    registry.complete(where, params, family, use)


def _source(config: "Config", label: str) -> None:
    """What the jobs behind a figure need: variants that the methods can take, methods with a path, attacks."""
    spec, where = config.figures[label], f"config: figures.{label}"
    needs = registry.constant("figures", spec["use"], "NEEDS")
    if needs == "ablation":
        for key in ("parameter", "values"):
            if not spec.get(key):
                raise UserError(f"{where}.{key} is needed: say what is varied, and the values")
    source = config.source(label)
    lacking = [key for key in ("metric", "methods") if key in source and source[key] in ("", [""])]
    if lacking or (needs == "gallery" and not config.methods):
        raise UserError(f"{where}: it is drawn from metrics or methods, and the config has none")
    if needs == "cross" and registry.constant("metrics", config.metrics[source["metric"]]["use"], "NEEDS") == METHOD:
        raise UserError(
            f"{where}.metric: {source['metric']} explains images anew, and cannot judge another model's maps"
        )
    for method in source.get("methods", ()) if needs in ("ablation", "trace") else ():
        spec_of = config.methods[method]
        takes = registry.method_parameters(spec_of["use"], config.attacker(spec_of) if "attack" in spec_of else spec_of)
        if needs == "trace" and "attack" not in takes:
            raise UserError(f"{where}.methods: {method} has no path to draw; give methods of `use: attexplore`")
        for value in spec["values"] if needs == "ablation" else ():
            registry.check(f"{where}: {method}", {spec["parameter"]: value}, takes)
    for attack in source.get("attacks", ()):
        if config.attacker({"attack": attack})["use"] not in registry.names("attacks"):
            raise UserError(
                f"{where}.attacks: {unknown('attack', attack, {*registry.names('attacks'), *config.attacks})}"
            )
