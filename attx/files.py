"""Writing whole files or none: under a temporary name beside the target, flushed, then renamed into place."""

import contextlib
import errno
import hashlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

from attx.errors import UserError

SEAL = "# sha256 "  # begins the last line of a sealed file


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path of this process's own in the target's folder; at the end flush it and rename it to `path`.

    If the block fails, nothing is left and what stood at `path` still stands. The temporary name keeps the suffixes,
    since writers choose formats by them. What a killed process of this host left is removed first.
    UserError for a full disk, and for a folder that cannot be made or written to.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"the folder {path.parent} cannot be made ({error.strerror}): choose another") from error
    host = socket.gethostname()
    for stale in path.parent.glob(f".tmp-{host}-*-{path.name}"):
        if not _alive(stale.name.removeprefix(f".tmp-{host}-").split("-")[0]):
            stale.unlink(missing_ok=True)
    temporary = path.with_name(f".tmp-{host}-{os.getpid()}-{secrets.token_hex(4)}-{path.name}")
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


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def write_sealed(path: str | Path, text: str) -> None:
    """Write lines of text, whole or not at all, with a last one that has their digest."""
    write_text(path, f"{text}{SEAL}{hashlib.sha256(text.encode()).hexdigest()}\n")


def read_sealed(path: str | Path) -> str:
    """What `write_sealed` wrote; UserError if the file is missing or damaged."""
    try:
        text, _, digest = Path(path).read_bytes().rpartition(SEAL.encode())
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: run the workflow, which makes it") from error
    if digest != f"{hashlib.sha256(text).hexdigest()}\n".encode():
        what = "it does not fit the digest in its last line"
        raise UserError(f"{path} is damaged ({what}): delete it and run again, and it is made anew")
    return text.decode()


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
