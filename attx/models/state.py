"""State dicts: read from files without unpickling, loaded whole or not at all, and digested."""

import contextlib
import hashlib
import io
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from attx.errors import UserError
from attx.files import atomic, damaged

UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, MemoryError, zipfile.BadZipFile)
SEAL = "attx_sha256"  # in a file's metadata, where this project wrote it
PACKED = 4  # times that a file may be smaller than what it holds: torch packs nothing, and numbers pack badly


def read(path: str | Path) -> dict[str, Tensor]:
    """The state dict in a .safetensors or torch file, on the CPU: also one inside a training checkpoint or from DDP."""
    path = Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"the weights file {path} does not exist: `weights` is a path, or a word that the model knows")
    try:
        found = _tensors(path)
    except UNREADABLE as error:
        raise UserError(
            f"the weights file {path} is damaged, or holds more than tensors and is therefore not loaded: save it by "
            f"torch.save(model.state_dict(), path) or as .safetensors. torch says: {_short(error, lines=1)}"
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in found.items()):
        raise UserError(f"the weights file {path} holds no state dict (a mapping of names to tensors)")
    for key, value in found.items():
        if not _is_whole(value):
            raise UserError(f"the weights file {path}: {key} claims {tuple(value.shape)} numbers, which are not there")
    return {key.removeprefix("module."): value for key, value in found.items()}


def _tensors(path: Path) -> object:
    if path.suffix != ".safetensors":
        return unpickled(path)
    import safetensors.torch  # for such files alone: benchmarks run where it is not installed

    try:
        with safetensors.safe_open(path, "pt") as held:
            sealed = (held.metadata() or {}).get(SEAL)
        found = safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error
    if sealed and sealed != _sha256(found):
        raise damaged(path, "its numbers do not fit the digest in it")
    return found


def write(path: str | Path, found: dict[str, Tensor]) -> None:
    """Write a state dict as a .safetensors file that has its digest, whole or not at all."""
    import safetensors.torch

    with atomic(path) as temporary:
        safetensors.torch.save_file(found, temporary, metadata={SEAL: _sha256(found)})


def unpickled(file: Path | BinaryIO) -> object:
    """What a torch file holds, of which nothing but tensors and plain values is made; raises one of UNREADABLE."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            claimed, size = sum(info.file_size for info in archive.infolist()), archive.fp.seek(0, io.SEEK_END)
        if claimed > PACKED * size:
            raise ValueError(f"it is packed to less than 1/{PACKED} of its size")
    if isinstance(file, io.IOBase):
        file.seek(0)
    return torch.load(file, map_location="cpu", weights_only=True)


def _is_whole(value: Tensor) -> bool:
    """Whether a tensor's numbers are all there: a view can repeat a few without end, a sparse one leave them out."""
    dense = value.layout == torch.strided and value.device.type == "cpu"
    return dense and value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def load_into(net: torch.nn.Module, found: dict[str, Tensor], path: str | Path) -> None:
    """Load all of `found` into all of `net`. UserError names the first keys that do not fit."""
    try:
        net.load_state_dict(found)
    except RuntimeError as error:
        raise misfit(path, type(net).__name__, error) from error


def misfit(path: str | Path, name: str, error: Exception) -> UserError:
    """The error for weights that do not fit a model, from what torch said."""
    only_sizes = "size mismatch" in str(error) and "key(s)" not in str(error)
    hint = "; is it for another number of `classes`?" if only_sizes else ""
    return UserError(f"the weights file {path} does not fit the model {name}{hint}\n{_short(error)}")


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within, torch's CPU draws follow `seed`; afterwards they go on as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(seed)
        yield


def sha256_of(net: torch.nn.Module) -> str:
    """The sha256 of a module's state: names, shapes, dtypes and values."""
    return _sha256(net.state_dict())


def _sha256(found: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for key, value in sorted(found.items()):
        digest.update(f"{key} {tuple(value.shape)} {value.dtype}\n".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _short(error: Exception, lines: int = 6, width: int = 200) -> str:
    kept = [line.strip() for line in str(error).splitlines() if line.strip()][:lines]
    return "\n".join(line if len(line) <= width else f"{line[:width]} ..." for line in kept)
