"""Writing whole files or none: under a temporary name beside the target, flushed, then renamed into place."""

import contextlib
import errno
import glob
import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from attx.errors import UserError

SEAL = "# sha256 "  # begins the last line of a sealed file
TEMPORARY = ".tmp-"
DAY = 86400  # seconds
REMEDY = "delete it and run again, and it is made anew (`make verify` finds all such)"


def damaged(path: str | Path, reason: object) -> UserError:
    """The error for a result that is not as a job wrote it."""
    return UserError(f"{path} is damaged ({reason}): {REMEDY}")


def missing(path: str | Path) -> UserError:
    """The error for a result that is not there."""
    return UserError(f"{path} is missing: run the workflow, which makes it")


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path of this process's own in the target's folder; at the end flush it and rename it to `path`.

    If the block fails, nothing is left and what stood at `path` still stands. The temporary name keeps the suffixes,
    since writers choose formats by them. What killed processes left is removed first.
    UserError for a full disk, and for a folder that cannot be made or written to.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder {path.parent} cannot be made ({error.strerror}): choose another") from error
    for stale in path.parent.glob(f"{TEMPORARY}*-{glob.escape(path.name)}"):
        if abandoned(stale):
            stale.unlink(missing_ok=True)
    temporary = path.with_name(f"{_prefix()}{os.getpid()}-{secrets.token_hex(4)}-{path.name}")
    try:
        yield temporary
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"disk full while writing {path}: free some space there, then run again; what was finished is kept"
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS):
            raise UserError(f"{path} cannot be written ({error.strerror}): choose a folder that can") from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _prefix() -> str:
    return f"{TEMPORARY}{socket.gethostname()}_"  # a sign that names of hosts have not: one may begin another


def abandoned(temporary: Path) -> bool:
    """Whether a temporary file is a dead process's: of this host, as far as seen, or of another and a day old."""
    own = re.match(rf"{re.escape(_prefix())}(\d+)-", temporary.name)
    if own:
        return not _alive(int(own[1]))
    try:
        return time.time() - temporary.stat().st_mtime > DAY
    except FileNotFoundError:
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def files_below(folder: str | Path) -> Iterator[Path]:
    """All files below a folder, also in folders that links stand for, as those of results on other disks; each once."""
    known = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(root)) in known:
            folders.clear()
            continue
        known.add(real)
        yield from (path for path in (Path(root, name) for name in names) if path.is_file())


def write_sealed(path: str | Path, text: str) -> None:
    """Write lines of text, whole or not at all, with a last one that has their digest."""
    write_text(path, f"{text}{SEAL}{hashlib.sha256(text.encode()).hexdigest()}\n")


def read_sealed(path: str | Path) -> str:
    """What `write_sealed` wrote; UserError if the file is missing or damaged."""
    try:
        text, _, digest = Path(path).read_bytes().rpartition(SEAL.encode())
    except FileNotFoundError as error:
        raise missing(path) from error
    if digest != f"{hashlib.sha256(text).hexdigest()}\n".encode():
        raise damaged(path, "it does not fit the digest in its last line")
    return text.decode()


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
