"""The checks of a whole configuration, before anything runs. No torch: the Snakefile imports this."""

import re
from typing import TYPE_CHECKING

from attx import registry, trust, variants
from attx.checks_bounds import check_bounds
from attx.checks_methods import PART, check_images, check_method, check_params
from attx.checks_pairs import check_figure, check_pair
from attx.errors import UserError, unknown
from attx.needs import METHOD, PERTURBED, check_metrics, pairs

if TYPE_CHECKING:
    from attx.config import Config

POSTPROCESS = registry.keywords("postprocess.py", "postprocess")
# keys that entries take beside their file's own: of data, metrics, and figures by what they need
SELECTION = PART | {"keep": "str"}
JUDGED = {"models": "list", "methods": "list", "postprocess": "list", "images": "int"}
CONDITIONS = {"perturbations": "list", "epsilons": "list"}  # of metrics that compare maps of perturbed images
SCORED = JUDGED | {"metric": "str", "postprocess": "str"}
SOURCE = {
    "scores": {"metric": "str"},
    "gallery": {"images": "int", "methods": "list", "models": "list", "postprocess": "str"},
    "ablation": SCORED | {"values": "list"},
    "cross": SCORED,
    "trace": {"methods": "list", "models": "list", "images": "int"},
    "pixels": SCORED | {"perturbations": "list"},
    "training": {"training": "list"},
    "leaderboard": {"metrics": "list"},
    "transfer": {"attacks": "list", "models": "list", "sources": "list", "images": "int"},
}
VALUE = re.compile(r"[A-Za-z0-9_+.-]+")


def check(config: "Config") -> None:
    """UserError, naming the wrong key and the nearest right one, unless a run can be planned from the config."""
    for key, choices in (
        ("target", ("predicted", "label")),
        ("dtype", ("float32", "float64")),
        ("precision", ("full", "tf32", "bfloat16")),
    ):
        if getattr(config, key) not in choices:
            raise UserError(f"config: {key}: {unknown('value', getattr(config, key), choices)}")
    if config.precision != "full" and config.dtype != "float32":
        raise UserError(f"config: precision: {config.precision} needs `dtype: float32`, not {config.dtype}")
    for key in ("batch_size", "shard_size"):
        value = getattr(config, key)
        if isinstance(value, str) and value != "auto":
            raise UserError(f"config: {key}: {value!r} must be auto, or a number of 1 at least")
    if isinstance(config.compile, str) and config.compile != "graphs":
        raise UserError(f"config: compile: {config.compile!r} must be true, false or graphs")
    check_bounds(config)
    for family in ("data", "models", "attacks", "training", "perturbations", "metrics", "figures", "postprocess"):
        for label in getattr(config, family):
            _entry(config, family, label)
    for family in ("metrics", "figures"):
        _files(config, family)
    for label, spec in config.methods.items():
        check_method(config, f"config: methods.{label}", spec)
    if config.methods and config.reference not in config.methods:
        raise UserError(f"config: reference: {unknown('method', config.reference, config.methods)}")
    check_metrics(config.metrics, config.methods, config.perturbations)
    for label in config.metrics:
        check_pair(config, label)
    named: dict[str, variants.Variant] = {}
    for label in config.figures:
        _source(config, label)
        _variants(config, label, named)


def _files(config: "Config", family: str) -> None:
    """Tables and figures are named `data_label`: no two may have one name."""
    found: dict[str, str] = {}
    labels = [(family, label) for label in getattr(config, family)]
    labels += [("figures", label) for label in config.tabled() if family == "metrics"]
    for data in config.data:
        for of, label in labels:
            name, both = f"{data}_{label}", f"data {data} with {of} {label}"
            if found.setdefault(name, both) != both:
                raise UserError(f"config: {found[name]} and {both} would both be written to {name}: rename one")


def _entry(config: "Config", family: str, label: str) -> None:
    spec = getattr(config, family)[label]
    where = f"config: {family}.{label}"
    if family == "postprocess":
        return registry.check(where, spec, POSTPROCESS)
    extra = {"data": SELECTION, "metrics": JUDGED}.get(family, {})
    if family == "metrics" and spec["use"] in registry.names("metrics") and pairs(spec["use"]) == PERTURBED:
        extra = extra | CONDITIONS
    if family == "figures" and spec["use"] in registry.names("figures"):
        needs = registry.constant("figures", spec["use"], "NEEDS")
        if needs not in SOURCE:
            raise UserError(f"{where}: NEEDS of attx/figures/{spec['use']}.py: {unknown('value', needs, SOURCE)}")
        extra = SOURCE[needs]
    check_params(where, family, spec["use"], spec, extra)
    if family == "models" and "function" in spec:
        trust.check(f"{where}.function", spec["function"])
    for key in ("data", "test") if family == "training" else ():
        check_images(f"{where}.{key}", key, spec)
    if spec.get("keep", "all") not in ("all", "correct"):
        raise UserError(f"{where}.keep: {unknown('value', spec['keep'], ('all', 'correct'))}")
    if family in ("metrics", "figures"):
        _labels(config, where, spec)
    if spec.get("images") is not None and spec["images"] < 1:
        raise UserError(f"{where}.images: {spec['images']} must be at least 1")


def _labels(config: "Config", where: str, spec: dict) -> None:
    """What of a figure's or metric's keys names entries, such as `metric` or `models`, are labels of this config."""
    families = {key: key for key in ("methods", "models", "postprocess")}
    families |= {"metric": "metrics", "sources": "models", "controls": "methods"}
    families |= {key: key for key in ("perturbations", "training", "metrics")}
    for key, family in families.items():
        known = getattr(config, family)
        for label in [spec[key]] if isinstance(spec.get(key), str) else spec.get(key) or []:
            if not isinstance(label, str) or label not in known:
                raise UserError(f"{where}.{key}: {unknown(family.rstrip('s'), label, known)}")


def _source(config: "Config", label: str) -> None:
    """What the jobs behind a figure need: variants that the methods can take, methods with a path, attacks."""
    spec, where = config.figures[label], f"config: figures.{label}"
    needs = registry.constant("figures", spec["use"], "NEEDS")
    if needs == "ablation":
        for key in ("parameter", "values"):
            if not spec.get(key):
                raise UserError(f"{where}.{key} is needed: say what is varied, and the values")
    for score, way in (spec.get("better") or {}).items():
        if way not in ("higher", "lower"):
            raise UserError(f"{where}.better.{score}: {unknown('value', str(way), ('higher', 'lower'))}")
    source = config.source(label)
    lacking = [key for key in ("metric", "methods", "metrics") if key in source and source[key] in ("", [""], [])]
    if lacking:
        raise UserError(f"{where}: it is drawn from metrics or methods, and the config has none")
    check_figure(config, label)
    if needs == "training" and not source["training"]:
        raise UserError(f"{where}: it is drawn from `training`, and the config has none")
    if needs == "cross" and registry.constant("metrics", config.metrics[source["metric"]]["use"], "NEEDS") == METHOD:
        raise UserError(
            f"{where}.metric: {source['metric']} explains images anew, and cannot judge another model's maps"
        )
    if needs == "cross" and len(set(source["models"])) < 2:
        raise UserError(f"{where}.models: two models at least are needed, of which each judges the maps of the others")
    for method in source["methods"] if needs == "trace" else ():
        if "attack" not in registry.parameters("attribution", config.methods[method]["use"]):
            raise UserError(f"{where}.methods: {method} has no path to draw; give methods of `use: attexplore`")
    for attack in source.get("attacks", ()):
        if not isinstance(attack, str) or config.attacker({"attack": attack})["use"] not in registry.names("attacks"):
            raise UserError(
                f"{where}.attacks: {unknown('attack', attack, {*registry.names('attacks'), *config.attacks})}"
            )


def _variants(config: "Config", label: str, named: dict[str, variants.Variant]) -> None:
    """What an ablation varies: keys that its methods take, and values that name files of their own."""
    spec, where = config.figures[label] | config.source(label), f"config: figures.{label}"
    if registry.constant("figures", spec["use"], "NEEDS") != "ablation":
        return
    for variant in variants.asked(spec):
        method = config.methods[variant.base]
        if registry.constant("attribution", method["use"], "NEEDS") == "stores":
            raise UserError(f"{where}.methods: {variant.base} is made of other methods' maps, and cannot be varied")
        check_method(config, f"{where}: {variant.base}", method | {variant.parameter: variant.value})
        if not VALUE.fullmatch(str(variant.value)):
            raise UserError(f"{where}.values: {variant.value!r} may be a number, or letters, digits and _ + - . only")
        other = named.setdefault(variant.label, variant)
        if other != variant:
            raise UserError(f"{where}.values: {variant.value} and {other.value} would both be named {variant.label}")
