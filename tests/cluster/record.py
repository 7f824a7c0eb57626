"""`python -m tests.cluster.record FILE`: the tiny config on Slurm and without, the log and their equality as a page."""

import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from tests.cluster import slurm as cluster
from tests.cluster.compare import assert_equal
from tests.cluster.project import ClusterProject

COLUMNS = {"job": "%A", "what": "%k", "partition": "%P", "node": "%N", "memory": "%m", "limit": "%l", "took": "%M"}
WORDS = {
    ".zip": "stores, every value",
    ".parquet": "scores, every value but seconds",
    ".json": "facts of the weights, every byte",
    ".csv": "lists, predictions and tables, every value but seconds",
    ".pdf": "figures, every byte",
    ".png": "figures, every byte",
    ".md": "tables, which have the rows of the .csv and are not compared again",
    ".tex": "tables, as .md",
}


def main(file: str) -> None:
    """Run both, compare, write `file`."""
    reason = cluster.absent()
    if reason:
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as folder, cluster.running(Path(folder) / "slurm"):
        here, there = (ClusterProject.create(Path(folder) / name, held=False) for name in ("here", "there"))
        seconds = [timed(here), timed(there, *there.slurm())]
        counts = assert_equal(there.results, here.results)
        Path(file).write_text("\n".join(page(there, seconds, counts)) + "\n", encoding="utf-8")


def timed(project: ClusterProject, *arguments: str) -> float:
    """Seconds of a run; its words go to said.txt."""
    start = time.monotonic()
    (project.root / "said.txt").write_text(project.run(*arguments).stdout)
    return time.monotonic() - start


def page(project: ClusterProject, seconds: list[float], counts: dict[str, int]) -> list[str]:
    """The lines of the page."""
    command = ["snakemake", "--configfile", "config/tiny.yaml", *project.slurm()]
    jobs = cluster.said("squeue", "--states=all", "--noheader", "--sort=i", f"--format={'|'.join(COLUMNS.values())}")
    said = project.said().replace(f"{project.root}/", "").replace(str(project.root), ".").splitlines()
    slurm, *_ = subprocess.run(["sinfo", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()
    plugin = f"snakemake-executor-plugin-slurm {version('snakemake-executor-plugin-slurm')}"
    return [
        "# A run on Slurm, and that it equals a run without",
        "",
        "`make cluster-log` wrote this: `config/tiny.yaml` by the slurm profile, on a Slurm of two nodes that tests",
        f"start on one machine ({slurm}, Snakemake {version('snakemake')}, {plugin}), and without Slurm.",
        "",
        f"Both made {sum(counts.values())} files, which are equal:",
        "",
        *(f"- {number} {suffix}: {WORDS[suffix]}" for suffix, number in sorted(counts.items())),
        "",
        f"The run took {seconds[1]:.0f} s on Slurm, {seconds[0]:.0f} s without, on the same 2 cores.",
        "",
        "## Slurm's jobs",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
        *(f"| {line.replace('|', ' | ')} |" for line in jobs.splitlines()),
        "",
        "## What the run said",
        "",
        f"    {' '.join(command)}",
        "",
        *(f"    {line}".rstrip() for line in said),
    ]


if __name__ == "__main__":
    main(sys.argv[1])
