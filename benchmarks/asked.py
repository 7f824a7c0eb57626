"""What the jobs of a run ask for, beside what they take: `python -m benchmarks.asked CONFIG`. Linux alone.

Runs CONFIG in the current folder, where the Snakefile is, as far as it is not done, and prints a row for each stage
and model: peak memory of the jobs, the least and the most that was asked for each MB taken, seconds and minutes asked.
"""

import re
import subprocess
import sys
import time
from collections import defaultdict

import psutil
import yaml

from benchmarks.watched import Watch

JOB = re.compile(r"mem_mb=(\d+).*?python -m attx (\w+) .*?--(?:out|pdf|csv) (\S+)", re.DOTALL)


class Outputs(Watch):
    """Peaks by the first output of the jobs instead, and the seconds that they were seen."""

    seconds: dict[str, float] = {}  # noqa: RUF012 - of the one run

    def _see(self, process: psutil.Process, name: str) -> None:
        if name == "Snakemake":
            return
        command = process.cmdline()
        option = next(word for word in ("--out", "--pdf", "--csv") if word in command)
        output = command[command.index(option) + 1]
        super()._see(process, output)
        self.seconds[output] = time.time() - process.create_time()


def main(config: str) -> None:
    """Ask what is planned, run it, and print both."""
    snakemake = [sys.executable, "-m", "snakemake", "--configfile", config]
    dry = [*snakemake, "--dry-run", "--printshellcmds", "--quiet", "host"]
    planned = subprocess.run(dry, capture_output=True, text=True, check=True).stdout
    found = [JOB.search(block) for block in re.split(r"\n(?=(?:local)?rule )", planned)]
    minutes = [re.search(r"runtime=(\d+)", match.string) for match in found if match]
    run = subprocess.Popen(snakemake)
    watch = Outputs(run.pid)
    watch.start()
    run.wait()
    watch.over.set()
    watch.join()
    with open(config, encoding="utf-8") as file:
        models = list(yaml.safe_load(file)["models"])
    groups = defaultdict(list)
    for match, asked in zip(filter(None, found), minutes, strict=True):
        mb, stage, output = match.groups()
        if output in watch.peaks:
            peak = watch.peaks[output] * 1.048576  # MB
            model = next((part.split(".json")[0] for part in output.split("/") if part.split(".json")[0] in models), "")
            groups[stage, model].append((peak, int(mb) / peak, watch.seconds[output], int(asked[1])))
    print(f"{'stage':12} {'model':20} {'jobs':>4} {'MB, most':>9} {'asked/took':>11} {'s, most':>8} {'min asked':>9}")
    for (stage, model), jobs in sorted(groups.items()):
        peaks, ratios, seconds, limits = zip(*jobs, strict=True)
        ratio = f"{min(ratios):.1f}-{max(ratios):.1f}"
        row = f"{len(jobs):4} {max(peaks):9.0f} {ratio:>11} {max(seconds):8.0f} {max(limits):9}"
        print(f"{stage:12} {model:20} {row}")


if __name__ == "__main__":
    main(sys.argv[1])
