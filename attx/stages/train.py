"""Train a classifier; go on from the checkpoint beside the weights, if a run was killed."""

import hashlib
import json
import time
from pathlib import Path

import pandas as pd
import torch

from attx import frames, provenance, registry, roots
from attx.data import listing, manifest
from attx.data.loading import load_batch
from attx.models import state
from attx.progress import progress
from attx.stages import common
from attx.training import checkpoint
from attx.training.fitting import Fitting, Images

EVERY = 10.0  # seconds between checkpoints


def run(spec: dict, *, device: str, label: str, out: Path, curve: Path) -> None:
    """`spec`: {training, threads, dtype}. `out`: the net's state dict, as safetensors; `curve`: a row per epoch."""
    where, dtype = common.prepare({"dtype": "float32"} | spec, device)
    training = registry.built("training", spec["training"])
    fitting = Fitting(training, where, dtype)
    train, test = (_images(one, name, fitting) for name, one in roots.images(spec["training"]).items())
    held, key = out.with_name(f"{out.name}.checkpoint"), _key(spec, where, train)
    before = checkpoint.load(held, key)
    if before:
        fitting.restore(before)
        print(f"{label}: goes on after step {fitting.step}", flush=True)
    saved = time.monotonic()
    for _ in progress(fitting.steps(train, test), fitting.left(len(train.ids)), label, count=int):
        if time.monotonic() - saved >= EVERY:
            checkpoint.save(held, key, fitting.state())
            saved = time.monotonic()
    _write(fitting, label, out, curve)
    held.unlink(missing_ok=True)


def _images(spec: dict, name: str, fitting: Fitting) -> Images:
    """All images of an entry of data, as the net takes them, checked, in memory."""
    model, channels = fitting.model, fitting.training.channels
    found = listing.entries(spec, f"training.{name}")
    read, refuse = listing.reader(spec["use"]), listing.refuses_duplicates(spec["use"])
    rows = manifest.check(found, model.classes, read, refuse_duplicates=refuse)
    pixels = torch.from_numpy(load_batch(rows, model.preprocess, read)).to(model.mean)
    labels = torch.tensor([row.label for row in rows], device=pixels.device)
    seen = pixels[:, :1].contiguous() if channels == 1 else pixels  # a view would keep all channels in memory
    return Images([row.image_id for row in rows], seen, labels)


def _key(spec: dict, device: torch.device, images: Images) -> str:
    """A digest of all that the steps follow from; checkpoints of others are not used."""
    code = provenance.digest(roots.roots("train", spec))
    digest = hashlib.sha256(
        json.dumps([spec, code, device.type, torch.__version__, images.ids], sort_keys=True).encode()
    )
    digest.update(images.pixels.cpu().numpy())
    digest.update(images.labels.cpu().numpy())
    return digest.hexdigest()


def _write(fitting: Fitting, label: str, out: Path, curve: Path) -> None:
    """The two files, and a line that says how it went."""
    table = pd.DataFrame(fitting.curve)
    table.insert(0, "training", label)
    frames.write(curve, table)
    found = {key: value.detach().cpu().contiguous() for key, value in fitting.model.net.state_dict().items()}
    state.write(out, found)
    last = fitting.curve[-1]
    right = f"right {last['clean_accuracy']:.1%}, under PGD {last['adversarial_accuracy']:.1%}"
    print(
        f"{label}: {last['epoch']} epochs in {table['seconds'].sum():.0f} s, loss {last['loss']:.3g}, of "
        f"{last['test_images']} test images {right}"
    )
