"""Read all results of a run to find those that are damaged, and delete these, so that runs make anew what they need."""

import json
from collections.abc import Callable
from pathlib import Path

from attx import frames, slurm, store, unlock
from attx.config import Config
from attx.configfile import read
from attx.errors import UserError
from attx.files import REMEDY, TEMPORARY, abandoned, files_below, read_sealed

SEALED = ("predictions", "data")  # folders of files with a digest in their last line
OTHERS = ("adversarial", "perturbed")  # folders of stores whose array is named as they are


def run(*, configfile: str, delete: bool) -> None:
    """Say which results are damaged, or were left half-written by killed jobs; delete them if so wished.

    UserError if there are any that are not deleted, or if jobs of this folder are alive, which may write them.
    """
    results = Path(Config.of(read(configfile)).results)
    found, bad = _look(results)
    for path, reason in bad.items():
        print(f"{path}: {reason}")
    told = f"{found} files in {results} read, {len(bad)} damaged or left over"
    if bad and not delete:
        raise UserError(f"{told}: `make verify DELETE=1` (--delete) deletes them")
    if bad and (alive := [*unlock.alive(), *slurm.jobs()]):
        raise UserError("nothing was deleted, since runs or jobs of this folder are alive:\n  " + "\n  ".join(alive))
    for path in bad:
        path.unlink()
    print(told + ("; they are deleted, and what a run needs of them it makes anew" if bad else ""))


def _look(results: Path) -> tuple[int, dict[Path, str]]:
    """How many files were read, and what is wrong with those that are not as a job wrote them."""
    count, bad = 0, {}
    for path in sorted(files_below(results)):
        if path.name.startswith(TEMPORARY):
            if abandoned(path):
                bad[path] = "left half-written by a killed job; nothing uses it"
        elif check := _check_of(path, path.relative_to(results).parts[0]):
            count += 1
            try:
                check(path)
            except (UserError, ValueError, RecursionError) as error:
                bad[path] = str(error).removeprefix(f"{path} is ").removesuffix(f": {REMEDY}")
    return count, bad


def _check_of(path: Path, folder: str) -> Callable[[Path], None] | None:
    """How to read such a file wholly; None for those that tell nothing to later jobs, as figures and logs."""
    if path.name.endswith(".zarr.zip"):
        return lambda path: _read_store(path, folder if folder in OTHERS else "attribution")
    if path.suffix == ".parquet":
        return _read_frame
    if folder in SEALED and path.suffix == ".csv":
        return read_sealed
    if folder == "training" and path.suffix == ".safetensors":
        return _read_weights
    if folder == "weights" and path.suffix == ".json":
        return lambda path: json.loads(path.read_text(encoding="utf-8"))
    return None


def _read_frame(path: Path) -> None:
    with frames.whole(path):
        pass


def _read_weights(path: Path) -> None:
    from attx.models import state  # torch, where something was trained alone

    state.read(path)


def _read_store(path: Path, array: str) -> None:
    with store.reading(path, array) as held:
        for place in range(len(held.image_ids)):
            held.maps([place])
