"""After a killed run: let the next one start, once no job of this folder is alive. No torch."""

import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from attx import registry, slurm
from attx.errors import UserError

LOCKS = Path(".snakemake/locks")
NOTE = LOCKS / "run"  # which Snakemake takes away with its locks


def run(*, force: bool = False) -> None:
    """Remove Snakemake's locks in the current folder; UserError while its runs or jobs are alive, here or on Slurm.

    Also where the run that is locked is of another machine, which cannot be looked at from here, unless by `force`.
    """
    found = [*alive(), *slurm.jobs()]
    if found:
        raise UserError(
            "not unlocked, since runs or jobs of this folder are alive:\n"
            + "\n".join(f"  {each}" for each in found)
            + "\nWait until they have ended, or stop them (kill, by the number); then call `make unlock` again"
        )
    if not any(LOCKS.glob("*")):
        print("nothing is locked here")
        return
    if (there := _elsewhere()) and not force:
        raise UserError(
            f"not unlocked: the run that locked this folder is {there}, not to be seen from here. Call "
            "`make unlock` there; or, once it is sure that it has ended, `make unlock FORCE=1` (--force) here"
        )
    shutil.rmtree(LOCKS)
    print("unlocked: run again, and it goes on from where it stopped")


def alive() -> list[str]:
    """The runs and jobs at work in the current folder on this machine, each in words, but for those that ask."""
    own = {os.getpid(), *(process.pid for process in psutil.Process().parents())}
    return [
        f"process {process.pid}: {what}, since {time.strftime('%H:%M', time.localtime(process.create_time()))}"
        for process, what in _ours(Path.cwd())
        if process.pid not in own
    ]


def locked() -> str:
    """What to tell those whose run found this folder locked."""
    found = alive()
    if found:
        there = "\n".join(f"  {each}" for each in found)
        return f"error: another run in this folder is under way, so this one did nothing; wait until it ends:\n{there}"
    if there := _elsewhere():
        return (
            f"error: the folder is locked by {there}, so this run did nothing; wait until it ends. If it was killed, "
            "`make unlock` there (python -m attx unlock) unlocks the folder; then run again"
        )
    return (
        "error: the folder is locked, and no run of it is alive on this machine: one was killed, or runs on another "
        "machine. `make unlock` (python -m attx unlock) looks for its jobs and unlocks it; then run again"
    )


def note() -> None:
    """Write beside Snakemake's locks where this run is."""
    if any(LOCKS.glob("*.lock")):
        NOTE.write_text(f"{socket.gethostname()} {os.getpid()}\n", encoding="utf-8")


def _elsewhere() -> str:
    """The run that locked this folder, in words, if it is of another machine and had begun; or ""."""
    host, _, number = NOTE.read_text(encoding="utf-8").strip().partition(" ") if NOTE.is_file() else ("", "", "")
    return f"process {number} on {host}" if host not in ("", socket.gethostname()) else ""


def _ours(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """Processes that work in `folder`, and what they are."""
    for process in psutil.process_iter():
        try:
            what = _named(process.cmdline())
            if what and Path(process.cwd()) == folder and process.status() != psutil.STATUS_ZOMBIE:
                yield process, what
        except (psutil.Error, OSError):  # it has ended, or is another user's
            continue


def _named(command: list[str]) -> str:
    """What a command line is of a run: "snakemake", "attx STAGE", or ""."""
    words = [Path(word).name for word in command[:4]]
    if not words or not words[0].startswith(("python", "snakemake")):
        return ""
    if "snakemake" in words:
        return "snakemake"
    place = command.index("attx") if "attx" in command[:-1] else -1
    if place > 0 and command[place - 1] == "-m" and command[place + 1] in registry.names("stages"):
        return f"attx {command[place + 1]}"
    return ""
