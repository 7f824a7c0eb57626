"""What a run sees to before its first job: that results can be written, and that none is dated ahead. No torch."""

import os
import sys
import tempfile
import time
from pathlib import Path

from attx.errors import UserError
from attx.files import files_below

SLACK = 60  # seconds by which clocks of machines may differ


def ready(results: str | Path) -> None:
    """UserError if the results folder cannot be made or written to.

    Results that are dated ahead, since the clock was set back, are dated now: Snakemake takes no output that is older
    than an input.
    """
    folder = Path(results)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            now = max(time.time(), os.fstat(probe.fileno()).st_mtime)  # the disk may be of another machine
    except OSError as error:
        raise UserError(f"{folder} cannot be written to ({error.strerror}): choose another `results`") from error
    ahead = [path for path in files_below(folder) if path.lstat().st_mtime > now + SLACK]
    for path in ahead:
        os.utime(path, (now, now), follow_symlinks=False)
    if ahead:
        print(f"{len(ahead)} results were dated ahead: was the clock set back? They are dated now", file=sys.stderr)
