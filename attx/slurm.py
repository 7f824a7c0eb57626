"""The jobs of a folder that Slurm has in its queue, which outlive a killed run. No torch."""

import shutil
import subprocess
from pathlib import Path

from attx.errors import UserError

LOGS = Path(".snakemake/slurm_logs")  # is there while a run's jobs are in the queue
COLUMNS = "%A|%T|%k|%Z"


def jobs() -> list[str]:
    """The user's jobs that are not over and were sent from the current folder, each in words.

    UserError if this folder was run on Slurm and Slurm cannot be asked.
    """
    asked = _squeue() if shutil.which("squeue") else None
    if asked is None and LOGS.is_dir():
        raise UserError(
            f"a run of this folder sent jobs to Slurm, and squeue does not answer: see on the cluster that none is "
            f"left (squeue --me), remove {LOGS}, then try again"
        )
    found = [line.split("|", 3) for line in (asked or "").splitlines()]
    here = Path.cwd()
    return [
        f"Slurm job {number} ({state.lower()}): {comment}, to be stopped by `scancel {number}`"
        for number, state, comment, folder in found
        if Path(folder).resolve() == here
    ]


def _squeue() -> str | None:
    """The user's queue; None where there is no Slurm that answers."""
    command = ["squeue", "--me", "--noheader", f"--format={COLUMNS}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None
