"""What a run says: what the jobs say, how far it is, and failures, each once, at its end."""

import os
import re
import signal
import time

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from attx import failures, unlock

STARTED = time.time()
FAILED = {}  # logs of jobs of which Snakemake says so, by their number: where the clock was set back, times do not
SKEWED = []  # what Snakemake says of outputs that are older than their inputs
INTERRUPTED = []  # whether by Ctrl-C: a job that was at its end then says nothing
COMMAND = re.compile(r"\| tee -i (.*?)' (returned .*|died .*)")
ROUTINE = re.compile(
    r"Restored previous version|Select jobs to execute|Execute \d+ jobs|Auto-selected partition|Cleaning up SLURM log"
)


def worth_saying(record):
    """Drop the scheduler's routine and what the jobs have said; name a failed command's log in place of its text.

    Where the folder is locked, say by whom and what to do.
    """
    text, event = str(record.msg), getattr(record, "event", None)
    if event == LogEvent.JOB_FINISHED:
        FAILED.pop(record.job_id, None)  # at another try
    if event == LogEvent.JOB_FINISHED or ROUTINE.match(text):
        return False
    if event == LogEvent.JOB_ERROR and not record.indent:  # of a group's members some may have succeeded
        FAILED[record.jobid] = list(map(str, record.log or ()))
    if event == LogEvent.JOB_ERROR and record.rule_msg:  # a cluster's reason, which Snakemake keeps for long messages
        record.event, record.msg = None, f"{text}: {record.rule_msg}"
    if event == LogEvent.GROUP_ERROR:
        record.event, record.msg = None, f"{text}, see {', '.join(map(str, record.aux_logs))}"
    if "has older modification time" in text:
        SKEWED.append(text)
        return False
    if "Directory cannot be locked" in text:
        record.msg = unlock.locked()
        return True
    failed = COMMAND.search(text)
    if failed:
        record.msg = f"job failed, see {failed[1]} ({failed[2].rstrip('.')})"
    return not (failed and (failed[2].endswith(" 130.") or "SIGINT" in failed[2]))


logger.addFilter(worth_saying)


def interrupted(*_):
    """On Ctrl-C stop the jobs and end; a second one, which would end Snakemake amid that, is only answered."""
    INTERRUPTED.append(True)
    signal.signal(signal.SIGINT, again)
    raise KeyboardInterrupt


def again(*_):
    os.write(2, b"already stopping; one more Ctrl-C ends this at once, and then `make unlock` is needed\n")
    signal.signal(signal.SIGINT, signal.default_int_handler)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, interrupted)

# A time limit terminates all processes of a job at once; what writes its log must hear its last words. A prefix takes
# the place of Snakemake's own, by which a job fails although `tee`, the last of its pipe, does not.
shell.prefix("set -euo pipefail; trap '' TERM; ")


onsuccess:
    print(f"done: {cfg.results}/tables and {cfg.results}/figures", file=sys.stderr)


onerror:
    silent = failures.CLOCK if SKEWED else "" if INTERRUPTED else failures.SILENT
    told = failures.summary(cfg.results, STARTED, sum(FAILED.values(), []), silent)
    if told or INTERRUPTED:
        print(f"\n{told or failures.STOPPED}", file=sys.stderr)
