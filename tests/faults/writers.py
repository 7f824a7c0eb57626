"""Kill writers of files at random points: `python -m tests.faults.writers KIND FOLDER AMID SEED`.

A child writes version after version of one file, each of the one number that is its version, until it is killed -9.
What stands there then is kept, to be read when all is over: the parent, which is forked, must have no threads of Zarr.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from attx import frames, predictions, store

IMAGES = 8
MOST = 100
ROOM = 10**6  # for a child's versions: more than it writes, however late its killer comes
IDS = [f"image{i}" for i in range(IMAGES)]


def write_store(path: Path, version: int) -> None:
    maps = np.full((IMAGES, 3, 24, 24), float(version)) + np.random.default_rng(version).normal(size=(3, 24, 24))
    store.write(path, store.Attributions(maps, IDS, np.full(IMAGES, version), {"version": version}))


def read_store(path: Path) -> int:
    """The version in a file; AssertionError if it is not wholly of that version."""
    content = store.read(path)
    version = content.attributes["version"]
    maps = np.full((IMAGES, 3, 24, 24), float(version)) + np.random.default_rng(version).normal(size=(3, 24, 24))
    np.testing.assert_array_equal(content.attributions, maps)
    assert content.image_ids == IDS
    assert set(content.targets) == {version}
    return version


def write_table(path: Path, version: int) -> None:
    frames.write(path, pd.DataFrame({"image_id": IDS, "auc": float(version)}))


def read_table(path: Path) -> int:
    table = frames.read(path)
    assert list(table["image_id"]) == IDS
    (version,) = set(table["auc"])
    return int(version)


def write_csv(path: Path, version: int) -> None:
    predictions.write(path, [predictions.Prediction(i, version, version, 0.5) for i in IDS])


def read_csv(path: Path) -> int:
    held = predictions.read(path)
    assert list(held) == IDS
    (version,) = {p.label for p in held.values()}
    return version


KINDS: dict[str, tuple[str, Callable, Callable]] = {
    "store": ("s0000.zarr.zip", write_store, read_store),
    "table": ("s0000.parquet", write_table, read_table),
    "csv": ("s0000.csv", write_csv, read_csv),
}


def main(kind: str, folder: str, aim: str, seed: str) -> None:
    """Kill children until so many have died amid a file (or MOST times that); keep each state as KILL-NAME in `kept`.

    It prints how many died amid a file: a small file is at work for a short part of the time, on some disks.
    """
    name, write, _ = KINDS[kind]
    place, kept, draw = Path(folder, "at"), Path(folder, "kept"), random.Random(int(seed))
    for each in (place, kept):
        each.mkdir(parents=True)
    path, kill, amid = place / name, 0, 0
    while amid < int(aim) and kill < MOST * int(aim):
        ready, tell = os.pipe()
        pid = os.fork()
        if not pid:
            version = first = ROOM * kill
            while True:
                write(path, version)
                version += 1
                if version == first + 1:
                    started = time.perf_counter()
                if version == first + 2:
                    os.write(tell, f"{time.perf_counter() - started:.9f}".rjust(16).encode())
        os.close(tell)
        lasts = float(os.read(ready, 16))
        time.sleep(draw.uniform(0, 3 * lasts))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)
        amid += any(place.glob(".tmp-*"))
        os.link(path, kept / f"{kill:05}-{name}")
        kill += 1
    print(amid)


if __name__ == "__main__":
    main(*sys.argv[1:])
