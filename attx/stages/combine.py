"""Make one attribution of stored ones: an ensemble, which needs no model."""

import contextlib
from pathlib import Path

import numpy as np
import torch

from attx import frames, registry, store
from attx.errors import UserError

COSTS = ("forward_passes", "backward_passes", "seconds")
FEW = 8  # images whose maps are held at once


def run(spec: dict, *, code: str, stores: list[Path], scores: list[Path], label: str, out: Path) -> None:
    """`spec`: {method}; `stores`: the members', in the order of `of`; `label`: data/model/method/shard.

    `scores`: the members' insertion and deletion, if the method chooses by their difference.
    """
    combined = registry.built("attribution", spec["method"])
    with contextlib.ExitStack() as stack:
        first, *rest = members = [stack.enter_context(store.reading(path)) for path in stores]
        for path, other in zip(stores[1:], rest, strict=True):
            if other.image_ids != first.image_ids or not np.array_equal(other.targets, first.targets):
                raise UserError(f"{path} is of other images or classes than {stores[0]}: delete both and run again")
        ids = first.image_ids
        given = (_differences(scores, ids),) if scores and ids else ()
        with store.writing(out, ids, first.targets, first.shape, first.dtype) as writer:
            for start in range(0, len(ids), FEW):
                places = list(range(start, min(start + FEW, len(ids))))
                maps = [torch.from_numpy(member.maps(places)) for member in members]
                writer.add(combined(maps, *(values[:, places] for values in given)).numpy())
            writer.attributes = dict(zip(("data", "model", "method", "shard"), label.split("/"), strict=True)) | {
                "spec": spec,
                "code": code,
                "members": [member.attributes["method"] for member in members],
                **{cost: sum(member.attributes[cost] for member in members) for cost in COSTS},
                **{key: first.attributes[key] for key in ("model_facts", "images_sha256", "machine")},
            }
    print(f"{label}: {len(ids)} attributions of {', '.join(writer.attributes['members'])} combined")


def _differences(scores: list[Path], image_ids: list[str]) -> torch.Tensor:
    """Insertion less deletion, (members, N)."""
    tables = [frames.read(path).set_index("image_id").loc[image_ids] for path in scores]
    return torch.tensor(np.stack([table["insertion_auc"] - table["deletion_auc"] for table in tables]))
