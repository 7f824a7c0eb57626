"""Explain the images of a shard by one or several methods, and store the attributions."""

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from attx_kernels import dispatch
from torch import Tensor

from attx import predictions, provenance, registry, roots, store
from attx.attribution.forward import counted
from attx.data import manifest
from attx.errors import UserError
from attx.stages import common
from attx.stages.engine import Bench


def run(
    spec: dict,
    *,
    device: str,
    weights: Path,
    shard: Path,
    predicted: Path,
    label: str,
    out: list[Path],
    perturbed: list[Path],
) -> None:
    """`spec`: {data, model, methods, target, dtype, threads, batch_size}; `label`: data/model/shard; `out`: their
    stores, in the order in which JSON with sorted keys has the methods.

    `perturbed`: none, or the store of perturbed images that are explained in the shard's own's place, with their draws.
    The model is loaded once. A store that is there already, of the same spec, code, model and images, is kept: so it is
    with several methods in a job, of which one has changed.
    """
    bench = common.set_up(spec, device, weights, compiling=("cuda",))
    rows = manifest.read(shard)
    chosen = predictions.read(predicted)
    targets = np.array([chosen[row.image_id].target(spec["target"]) for row in rows], np.int64)
    data, model, name = label.split("/")
    ids = [row.image_id for row in rows]
    with store.reading(perturbed[0], "perturbed") if perturbed else contextlib.nullcontext() as given:
        places = given.places(ids) if given else []
        condition = {"perturbation": given.attributes["perturbation"]} if given else {}
        content = {"perturbed_sha256": _sha256(given, places)} if given else {}
        for (method, one), path in zip(roots.each(spec).items(), out, strict=True):
            attributes = {
                "data": data,
                "model": model,
                "method": method,
                "shard": name,
                "spec": one,
                "code": provenance.digest(roots.roots("attribute", one)),
                "model_facts": common.facts(bench.model),
                "images_sha256": [row.sha256 for row in rows],
                **condition,
                **content,
            }
            if _is_made(path, attributes, targets):
                path.touch()
                print(f"{data}/{model}/{method}/{name}: kept, nothing of it has changed")
            else:
                label = "/".join([data, model, method, *condition.values(), name])
                batches = bench.stored(given, places, label) if given else bench.images(rows, label)
                _explain(bench, one, batches, ids, targets, label, path, attributes)


def _sha256(held: store.Reader, places: list[int]) -> str:
    """The digest of all of these images."""
    digest = hashlib.sha256()
    for place in places:
        digest.update(held.maps([place]).tobytes())
    return digest.hexdigest()


def _is_made(path: Path, attributes: dict, targets: np.ndarray) -> bool:
    if not path.exists():
        return False
    try:
        with store.reading(path) as held:
            for place in range(len(held.image_ids)):  # none damaged
                held.maps([place])
    except UserError:
        return False
    same = {key: held.attributes.get(key) for key in attributes} == json.loads(json.dumps(attributes))
    return same and np.array_equal(held.targets, targets)


def _explain(
    bench: Bench,
    spec: dict,
    batches: Iterator[Tensor],
    ids: list[str],
    targets: np.ndarray,
    label: str,
    out: Path,
    attributes: dict,
) -> None:
    """Store the attributions of all images, a batch at a time, with `attributes` and what they cost."""
    costs = {"forward_passes": 0, "backward_passes": 0, "seconds": 0.0}

    def explain(method: Callable, place: slice, images: Tensor) -> tuple[np.ndarray, dict]:
        classes = torch.tensor(targets[place], device=bench.device)
        start = time.perf_counter()
        with counted(bench.model) as passes:
            maps = method(bench.model, images, classes, ids[place])
            found = maps.detach().to(bench.dtype).cpu().numpy()  # waits for the device
        seconds = time.perf_counter() - start
        return found, {"forward_passes": passes.forward, "backward_passes": passes.backward, "seconds": seconds}

    def build() -> Callable:
        return registry.built("attribution", bench.sized(spec)["method"])

    dispatch.forget()
    with store.writing(out, ids, targets, (3, *bench.model.preprocess.shape), np.dtype(spec["dtype"])) as writer:
        for _, (maps, cost) in bench.each(batches, build, explain):
            writer.add(maps)
            costs = {key: costs[key] + cost[key] for key in costs}
        writer.attributes = attributes | costs | {"machine": common.machine(bench), "kernels": dispatch.used()}
    count = f"{costs['forward_passes']} forward and {costs['backward_passes']} backward passes"
    print(f"{label}: {len(ids)} images explained in {costs['seconds']:.0f} s, {count}")
