"""How the numbers of the page were made, as the run's files say it: specs, digests, versions, machines."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from attx import frames, paths
from attx.report import plan


def made(each: Mapping, path: str | Path) -> dict:
    """The spec, the code digest and the sha256 of the file of a table or figure."""
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return {"spec": each["spec"], "code": each["code"], "sha256": digest}


def metric(config: Mapping, data: str, label: str, each: Mapping) -> dict:
    """The same of a metric's table, and the machine that scored, of the first of its parts."""
    attributes = frames.read(each["part"]).attrs
    return made(each, plan.table(config, data, label)) | {"machine": _machine(attributes.get("machine", {}))}


def models(config: Mapping, sections: Iterable[Mapping]) -> list[dict]:
    """The models whose maps are shown, with the facts on which their jobs depend."""
    labels = {model for section in sections for group in section["groups"] for model in group["models"]}
    found = []
    for label, spec in config["models"].items():
        if label in labels:
            path = Path(config["results"]) / paths.WEIGHTS.format(model=label)
            found.append({"label": label, "spec": spec} | json.loads(path.read_text(encoding="utf-8")))
    return found


def maps(stores: Mapping[tuple[str, str], Mapping]) -> list[dict]:
    """Of each model and method what a store says: settings, costs per image, digest of the code, machine."""
    found = []
    for (model, method), said in stores.items():
        count = max(len(said.get("images_sha256", [])), 1)
        costs = {key: said[key] / count for key in ("forward_passes", "backward_passes", "seconds") if key in said}
        own = {
            "model": model,
            "method": method,
            "settings": said["spec"].get("method", {}),
            "code": said.get("code", ""),
        }
        found.append(own | {"costs": costs, "machine": _machine(said.get("machine", {}))})
    return found


def machines(stores: Mapping[tuple[str, str], Mapping]) -> list[str]:
    """The machines and versions that made the maps, each once."""
    return list(dict.fromkeys(_machine(said.get("machine", {})) for said in stores.values()))


def _machine(said: Mapping) -> str:
    """A machine in words: `cpu x86_64, 1 thread, batches of 32; python 3.11.7, torch 2.11.0`."""
    if not said:
        return "not recorded"
    rest = {key: value for key, value in said.items() if key not in ("device", "name", "threads", "batch_size")}
    where = f"{said['device']} {said['name']}, {said['threads']} thread{'s' * (said['threads'] != 1)}"
    return f"{where}; {', '.join(f'{name} {value}' for name, value in rest.items())}"
