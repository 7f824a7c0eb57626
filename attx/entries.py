"""Entries of a configuration, `label: {use: file, **params}`, with what they leave out filled in. No torch."""

import re
from typing import Any

from attx import paths, registry
from attx.errors import UserError, unknown
from attx.presets import PRESETS

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.-]*")
IMAGES = ("data", "test", "references")  # keys of entries that are entries of `data` themselves


def filled(family: str, label: Any, spec: Any) -> dict:
    """An entry with `use` filled in: the file named as the label; other models are torchvision's."""
    if not LABEL.fullmatch(str(label)):
        raise UserError(f"config: {family}.{label}: a label may have letters, digits and _ + - . only: it names files")
    if not isinstance(spec, dict | None):
        raise UserError(f"config: {family}.{label}: {spec!r} must be a mapping, such as {{}} or {{use: file}}")
    texts = family in ("data", "models")  # a path may look like a fraction
    spec = {key: value if texts or key in IMAGES else _numbers(value) for key, value in (spec or {}).items()}
    if family == "postprocess":
        return spec
    if not isinstance(spec.get("use", ""), str):
        raise UserError(f"config: {family}.{label}.use: {spec['use']!r} must be the name of a file")
    spec.setdefault(
        "use", "torchvision" if family == "models" and label not in registry.names("models") else str(label)
    )
    if family == "models" and spec["use"] in ("torchvision", "timm"):
        spec.setdefault("name", str(label))
    return spec


def trained(models: dict[str, dict], training: dict[str, dict], results: str) -> dict[str, dict]:
    """The models, those of an entry of `training` with its net, and the weights that the run makes by it."""
    found = {}
    for label, spec in models.items():
        if "training" in spec:
            where = f"config: models.{label}"
            if spec["use"] != "trained":
                raise UserError(f"{where}.training: is for models of `use: trained`, not of `use: {spec['use']}`")
            if spec["training"] not in training:
                raise UserError(f"{where}.training: {unknown('training', str(spec['training']), training)}")
            if "weights" in spec:
                raise UserError(f"{where}: give `training` or `weights`, not both")
            made = training[spec["training"]]
            kept = {key: made[key] for key in registry.parameters("models", "trained") if key in made}
            weights = f"{results}/{paths.TRAINED.format(training=spec['training'])}"
            spec = kept | {key: value for key, value in spec.items() if key != "training"} | {"weights": weights}
        found[label] = spec
    return found


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(each) for each in value]
    if isinstance(value, dict):
        return {key: _numbers(each) for key, each in value.items()}
    return registry.number(value)


def without_presets(methods: dict[str, dict]) -> dict[str, dict]:
    """Each preset replaced by its methods, `label_name`; keys given to the preset are set for all of them."""
    found: dict[str, dict] = {}
    for label, spec in methods.items():
        given = registry.params(spec)
        members = PRESETS.get(spec["use"])
        if members and "attack" in given:
            raise UserError(
                f"config: methods.{label}.attack: {spec['use']} stands for attacks of its own: leave it out"
            )
        entries = {label: spec} if members is None else {f"{label}_{n}": m | given for n, m in members.items()}
        twice = entries.keys() & found.keys()
        if twice:
            raise UserError(f"config: methods.{label}: {', '.join(sorted(twice))} is there already; rename one")
        found |= entries
    return found
