"""Compare the maps of a shard's images with those under a perturbation, or of other seeds: one row per image."""

import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch

from attx import frames, predictions, registry, store
from attx.errors import UserError
from attx.postprocess import postprocess
from attx.progress import progress
from attx.stages.score import COSTS, table_of

FEW = 8  # images whose maps are compared in one go


def run(
    spec: dict, *, predicted: Path, attributions: list[Path], others: list[Path], label: str, out: list[Path]
) -> None:
    """`spec`: {metric, methods, postprocess, threads(, perturbation, epsilon)}; `label`: data/model.

    `methods` says how many of `others`, in their order, are beside each of `attributions`; `out` has a file for each
    method, for each reading of `postprocess`, both as JSON with sorted keys has them.
    """
    torch.set_num_threads(spec["threads"])
    score = registry.built("metrics", spec["metric"])
    known, rest, files = predictions.read(predicted), iter(others), iter(out)
    for (method, count), path in zip(spec["methods"].items(), attributions, strict=True):
        with contextlib.ExitStack() as stack:
            own, *beside = [stack.enter_context(store.reading(p)) for p in (path, *itertools.islice(rest, count))]
            for name, reading in spec["postprocess"].items():
                names = dict(zip(("data", "model"), label.split("/"), strict=True)) | {
                    "method": method,
                    "postprocess": name,
                }
                names |= {key: spec[key] for key in ("perturbation", "epsilon") if key in spec}
                said = "/".join(map(str, names.values()))
                table = _compared(score, [known[i] for i in own.image_ids], [own, *beside], reading, said)
                for position, (key, value) in enumerate(names.items(), start=1):
                    table.insert(position, key, value)
                for key in COSTS:
                    table[key] = own.attributes[key] / max(len(own.image_ids), 1)
                frames.write(next(files), table)
                print(f"{said}: maps of {len(table)} images compared with {count} other{'s' * (count > 1)}")


def _compared(score: Callable, known: list, stores: list[store.Reader], reading: dict, label: str) -> pd.DataFrame:
    """The scores of all images, some at a time."""
    ids, tables = stores[0].image_ids, []
    for part in progress([ids[i : i + FEW] for i in range(0, len(ids), FEW)], len(ids), f"compare {label}"):
        start = ids.index(part[0])
        maps, *others = (postprocess(torch.from_numpy(s.maps(s.places(part))), **reading) for s in stores)
        try:
            tables.append(table_of(known[start : start + len(part)], score(maps, others)))
        except (UserError, ValueError) as error:
            raise UserError(f"comparing maps {label} of {', '.join(part)}: {error}") from error
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"image_id": []})
