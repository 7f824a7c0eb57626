"""What a killed training goes on from: one file, written whole, used only if it is undamaged and of the same job."""

import hashlib
import io
from pathlib import Path

import torch

from attx.files import atomic
from attx.models import state

DIGEST = 32  # bytes in front of the rest, its sha256


def save(path: Path, key: str, state: dict) -> None:
    """Write a state of tensors, numbers and words; `key` says of which job it is."""
    buffer = io.BytesIO()
    torch.save({"key": key, "state": state}, buffer)
    data = buffer.getbuffer()
    with atomic(path) as temporary, open(temporary, "wb") as handle:
        handle.write(hashlib.sha256(data).digest())
        handle.write(data)


def load(path: Path, key: str) -> dict | None:
    """The state in the file; None if there is none, or a damaged one, or one of another job. Nothing is unpickled."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if hashlib.sha256(data[DIGEST:]).digest() != data[:DIGEST]:
        return None
    try:
        held = state.unpickled(io.BytesIO(data[DIGEST:]))
    except state.UNREADABLE:
        return None
    return held["state"] if isinstance(held, dict) and held.get("key") == key else None
