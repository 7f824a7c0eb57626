"""What went wrong in a run, told once at its end: each error with the logs of the jobs that met it.

Jobs print their errors as they fail, but a run goes on with what it can, and much is printed after them. No torch.
"""

import glob
import shutil
from collections.abc import Collection
from pathlib import Path

from attx.errors import printable
from attx.files import files_below

SILENT = "the job ended without a word: killed, perhaps for want of memory"
CLOCK = (
    "error: an output came out older than its input, so Snakemake did not take it: was the clock set back? Run again, "
    "and results are dated anew; `touch` weights of your own that are dated ahead"
)
STOPPED = "interrupted: what was finished is kept, nothing is half-written; run again to go on"
FULL = "error: disk full, not even a log could be written: free some space there, then run again"
ROOM = 2**16  # bytes that a log surely finds room in
SHOWN = 3  # logs named for each error


def summary(results: str | Path, since: float, failed: Collection[str] = (), silent: str = SILENT) -> str:
    """A message on the jobs that failed after the time `since` (seconds); "" if none did, or the user stopped them.

    A job has failed if its log, `logs/<rule>/<output without suffix>.log`, is among `failed`, or if it is newer and has
    an error or no output. `silent`: what is said of jobs that said nothing; "" leaves them out.
    """
    results = Path(results)
    found: dict[str, list[Path]] = {}
    for log in sorted(path for path in files_below(results / "logs") if path.suffix == ".log"):
        known = str(log) in failed
        if known or log.stat().st_mtime >= since:
            text = log.read_text(encoding="utf-8", errors="replace").rstrip()
            unsaid = silent if shutil.disk_usage(results).free > ROOM else FULL
            if reason := _error(text) or ("" if not known and _has_output(results, log) else unsaid):
                found.setdefault(reason, []).append(log)
    found.pop("interrupted", None)
    if not found:
        return ""
    parts = [f"{reason}\n  log: {_named(logs)}" for reason, logs in found.items()]
    count = sum(map(len, found.values()))
    head = f"{count} job{'s' * (count > 1)} failed. What was finished is kept: mend the cause and run again to go on."
    return printable("\n\n".join([head, *parts]))


def _error(text: str) -> str:
    """The error at the end of a log; "" if there is none."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    if starts:
        return "\n".join(lines[starts[-1] :])
    if lines and lines[-1].startswith(("interrupted:", "KeyboardInterrupt")):
        return "interrupted"
    if "Traceback (most recent call last):" in lines:
        return f"error: {lines[-1]} (the log has the traceback)"
    return ""


def _has_output(results: Path, log: Path) -> bool:
    _, *folders, stem = log.relative_to(results / "logs").with_suffix("").parts
    found = results.joinpath(*folders).glob(f"{glob.escape(stem)}.*")
    return any(path.suffix != ".checkpoint" for path in found)


def _named(logs: list[Path]) -> str:
    more = f" and {len(logs) - SHOWN} more" if len(logs) > SHOWN else ""
    return ", ".join(map(str, logs[:SHOWN])) + more
