"""Which images hold other bytes than before: a stamp of each file, which stays while its content does.

A stamp is the file's size and time when it was first seen with that content. Snakemake is given the stamps of a shard's
images instead of the files: it would look at each of them, twice, whenever it chooses the next job.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from attx.data.entry import Entry
from attx.files import write_text


class Seen(NamedTuple):
    """A file as it was seen: `time` and `changed`, which no program can set, in ns; `sha256` as far as known."""

    stamp: str
    size: int
    time: int
    sha256: str = ""
    changed: int = 0


def see(listed: Iterable[Entry], before: Mapping[str, Seen]) -> dict[str, Seen]:
    """Those images that are files of their own, by path. A file is read if its size or times are not as `before`."""
    found = {}
    for path in dict.fromkeys(entry.path for entry in listed):
        try:
            status = os.stat(path)
        except OSError:  # for the check of the images to tell
            continue
        if stat.S_ISREG(status.st_mode):
            found[path] = _seen(path, status, before.get(path))
    return found


def _seen(path: str, status: os.stat_result, before: Seen | None) -> Seen:
    size, time, changed = status.st_size, status.st_mtime_ns, status.st_ctime_ns
    if before and before.size == size:
        same = before.time == time and before.changed in (0, changed)
        if same or _sha256(path) == before.sha256:
            return before._replace(time=time, changed=changed)
    stamp = f"{size}-{time}"
    if before and before.stamp.startswith(stamp):  # another file was dated as this one
        stamp += f"-{changed}"
    return Seen(stamp, size, time, changed=changed)


def _sha256(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return "unreadable"


def digest(listed: Iterable[Entry], seen: Mapping[str, Seen]) -> str:
    """A digest of the stamps of these images, in their order."""
    text = json.dumps([seen[entry.path].stamp for entry in listed if entry.path in seen])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write(path: str | Path, seen: Mapping[str, Seen]) -> None:
    """Write what was seen as JSON, whole or not at all."""
    write_text(path, json.dumps(seen, indent=0) + "\n")


def read(path: str | Path) -> dict[str, Seen]:
    """What `write` wrote; nothing if it is not there or damaged: then all images are new."""
    try:
        return {name: Seen(*values) for name, values in json.loads(Path(path).read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
