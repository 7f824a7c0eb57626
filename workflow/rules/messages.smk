"""What a run says: what the jobs say, how far it is, and failures, each once, at its end."""

import re
import time

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from attx import failures, unlock

STARTED = time.time()
FAILED = set()  # logs of jobs of which Snakemake says so: where the clock was set back, their times do not
COMMAND = re.compile(r"\| tee -i (.*?)' (returned .*|died .*)")
ROUTINE = re.compile(r"Select jobs to execute|Execute \d+ jobs|Auto-selected partition|Cleaning up SLURM log")


def worth_saying(record):
    """Drop the scheduler's routine and what the jobs have said; name a failed command's log in place of its text.

    Where the folder is locked, say by whom and what to do.
    """
    text = str(record.msg)
    if getattr(record, "event", None) == LogEvent.JOB_FINISHED or ROUTINE.match(text):
        return False
    if getattr(record, "event", None) == LogEvent.JOB_ERROR:
        FAILED.update(map(str, getattr(record, "log", None) or ()))
    if "Directory cannot be locked" in text:
        record.msg = unlock.locked()
        return True
    failed = COMMAND.search(text)
    if failed:
        record.msg = f"job failed, see {failed[1]} ({failed[2].rstrip('.')})"
    return not (failed and failed[2].endswith(" 130."))


logger.addFilter(worth_saying)


onsuccess:
    print(f"done: {cfg.results}/tables and {cfg.results}/figures", file=sys.stderr)


onerror:
    told = failures.summary(cfg.results, STARTED, FAILED)
    if told:
        print(f"\n{told}", file=sys.stderr)
