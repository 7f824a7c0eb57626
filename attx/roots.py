"""The modules that a job runs, by its slice of the configuration. No torch: the Snakefile imports this.

Apart from `attx.slices`, since jobs use it: what they import is their code, and the whole configuration is not.
"""

from attx import registry

FAMILIES = {
    "data": "data",
    "model": "models",
    "attack": "attacks",
    "method": "attribution",
    "metric": "metrics",
    "figure": "figures",
    "training": "training",
    "perturbation": "perturbations",
}


REFERENCES = {"use": "sample"}  # images that methods draw references from, unless they are told


def each(spec: dict) -> dict[str, dict]:
    """Of a slice with several methods the slice of each, by label."""
    rest = {key: value for key, value in spec.items() if key not in ("methods", "references")}
    drawn = {label: {"references": digest} for label, digest in spec.get("references", {}).items()}
    return {label: rest | {"method": method} | drawn.get(label, {}) for label, method in spec["methods"].items()}


def references(method: dict) -> dict | None:
    """The images, as an entry of `data`, that a method draws references from."""
    draws = "references" in registry.parameters("attribution", method["use"])
    return method.get("references") or REFERENCES if draws else None


def images(training: dict) -> dict[str, dict]:
    """The images that a training learns from (`data`) and is tested on (`test`), as entries of `data`."""
    return {
        key: training.get(key) or {"use": "digits", "split": split}
        for key, split in (("data", "train"), ("test", "test"))
    }


def _attacks(method: dict) -> list[str]:
    """The attacks that a method runs: its `attack`, or `attacks`, by default the `ATTACKS` of its file."""
    if "attacks" in registry.parameters("attribution", method["use"]):
        return list(method.get("attacks") or registry.constant("attribution", method["use"], "ATTACKS"))
    return [method["attack"]] if "attack" in method else []


def roots(stage: str, spec: dict) -> list[str]:
    """The modules that a job of `stage` starts from: the stage's own, and what the registry loads for its slice."""
    if "methods" in spec and stage == "attribute":
        return sorted({root for one in each(spec).values() for root in roots(stage, one)})
    found = [f"attx.stages.{stage}"]
    for key, family in FAMILIES.items():
        if isinstance(spec.get(key), dict):
            found.append(f"attx.{family}.{spec[key]['use']}")
    if "method" in spec:
        found += [f"attx.attacks.{name}" for name in _attacks(spec["method"])]
        drawn = references(spec["method"])
        found += [f"attx.data.{drawn['use']}"] if drawn else []
    if isinstance(spec.get("training"), dict):
        found += [f"attx.data.{of['use']}" for of in images(spec["training"]).values()]
    if "function" in spec.get("model", {}):
        found.append(spec["model"]["function"].split(":")[0])
    if stage == "figure":  # a gallery's: their names of classes, and what they see of an image
        found += [root for model in spec.get("models", {}).values() for root in roots("figure", {"model": model})]
    if stage == "report":
        shown = spec["config"]
        found += [f"attx.data.{data['use']}" for data in shown["data"].values()]
        found += [root for model in shown["models"].values() for root in roots("figure", {"model": model})]
    return found
