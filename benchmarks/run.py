"""`python -m benchmarks.run`: measure the parts, print one report, write it as Markdown, JSON and a plot."""

import argparse
import importlib
import sys
import time
from pathlib import Path

from attx.errors import UserError
from benchmarks import ROOT, plot, report
from benchmarks.setting import Setting, Table

# growth first: the peaks of its processes begin at what this one holds
PARTS = ("scaling", "attribution", "sweep", "libraries", "kernels", "breakdown", "options", "paths", "similarity")


def main(arguments: list[str]) -> int:
    """Exit status: 0 if every part could be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, whose numbers mean nothing")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="these parts; a report's others stay")
    parser.add_argument("--out", type=Path, help="folder of the report (benchmarks/results; with --quick: none)")
    given = parser.parse_args(arguments)
    setting = Setting.of(given.device, given.quick)
    try:
        setting.as_in_jobs()
    except UserError as error:
        sys.exit(str(error))
    where, tables, failed = report.machine(setting), {}, []
    for part in (part for part in PARTS if part in given.only):
        start = time.perf_counter()
        try:
            tables[part] = importlib.import_module(f"benchmarks.{part}").table(setting)
        except Exception as error:  # what was measured before is worth keeping
            failed.append(part)
            tables[part] = Table(part.capitalize(), notes=[f"failed: {type(error).__name__}: {error}"])
        print(f"{part}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        print("\n".join(report.section(tables[part])), flush=True)
    folder = given.out or (None if given.quick else ROOT / "benchmarks" / "results")
    if folder:
        page = report.write(folder, where, tables)
        print(f"written: {page}, {plot.draw(page.with_suffix('.json')) or 'no plot'}")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
