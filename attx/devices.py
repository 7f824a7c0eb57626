"""Several GPUs in one machine: each job takes the one that the fewest jobs hold. Who may run is Snakemake's to say.

A job that holds a GPU holds a lock on a file, which the system takes from it when it ends, however it ends.
"""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

JOBS = 64  # on one GPU; those that find no place take the first GPU
_held: list[BinaryIO] = []  # open, and so locked, as long as this process lives


def deal(names: Sequence[str], folder: Path | None = None) -> int:
    """The index of the device that this process is to use, among `names`, which tell devices apart (their UUIDs).

    It is one that no other process of this user holds by this function, or else one that the fewest hold.
    """
    folder = folder or _folder()
    for place in range(JOBS):
        for index, name in enumerate(names):
            file = open(folder / f"{name}-{place}.lock", "wb")  # noqa: SIM115 - open until the process ends
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
            else:
                _held.append(file)
                return index
    return 0


def _folder() -> Path:
    """A folder of this user's own; where another made one of its name, a new one, in which nothing is shared."""
    folder = Path(tempfile.gettempdir()) / f"attx-gpus-{os.getuid()}"
    with contextlib.suppress(FileExistsError):  # a folder, or what is none
        folder.mkdir(mode=0o700)
    if not stat.S_ISDIR(folder.lstat().st_mode) or folder.stat().st_uid != os.getuid():
        return Path(tempfile.mkdtemp(prefix="attx-gpus-"))
    return folder
