"""Compare the maps of a shard's images with those under a perturbation, or of other seeds: one row per image."""

from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from attx import predictions, registry, store
from attx.errors import UserError
from attx.files import atomic
from attx.postprocess import postprocess
from attx.progress import progress
from attx.stages.score import COSTS, table_of

FEW = 8  # images whose maps are compared in one go


def run(spec: dict, *, predicted: Path, attributions: Path, others: list[Path], label: str, out: Path) -> None:
    """`spec`: {postprocess, metric, threads(, perturbation, epsilon)}; `label`: data/model/method/postprocess."""
    torch.set_num_threads(spec["threads"])
    own = store.read(attributions)
    known = [predictions.read(predicted)[image_id] for image_id in own.image_ids]
    contents = [store.read(path, own.image_ids) for path in others]
    score = registry.built("metrics", spec["metric"])
    tables = []
    parts = [range(len(known))[i : i + FEW] for i in range(0, len(known), FEW)]
    for part in progress(parts, len(known), f"compare {label}"):
        place = slice(part.start, part.stop)
        maps, *rest = (_read(content, place, spec["postprocess"]) for content in (own, *contents))
        ids = own.image_ids[place]
        try:
            tables.append(table_of(known[place], score(maps, rest)))
        except (UserError, ValueError) as error:
            raise UserError(f"comparing maps of {', '.join(ids)} by {spec['metric']['use']}: {error}") from error
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"image_id": []})
    names = dict(zip(("data", "model", "method", "postprocess"), label.split("/"), strict=True))
    names |= {key: spec[key] for key in ("perturbation", "epsilon") if key in spec}
    for position, (name, value) in enumerate(names.items(), start=1):
        table.insert(position, name, value)
    for name in COSTS:
        table[name] = own.attributes[name] / max(len(own.image_ids), 1)
    with atomic(out) as temporary:
        table.to_parquet(temporary)
    print(f"{label}: maps of {len(table)} images compared with {len(others)} other{'s' * (len(others) > 1)}")


def _read(content: store.Attributions, place: slice, reading: dict) -> Tensor:
    return postprocess(torch.from_numpy(content.attributions[place]), **reading)
