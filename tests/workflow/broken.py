"""What tests of broken runs share: runs that fail, what they say at their end, and that the next run completes."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from attx import store
from tests.workflow.project import PATIENCE, Project

STORES = "attributions/tiny/net/random"
SCORES = "scores/tiny/insertion_deletion/net/random"
BEGUN: list[subprocess.Popen] = []


def failing(project: Project, *arguments: str) -> str:
    """What a person sees of a run that fails: no Python traceback, neither there nor in a log."""
    done = project.run(*arguments, check=False)
    assert done.returncode == 1
    assert "completed successfully" not in done.stdout
    logs = [path.read_text() for path in project.results.rglob("logs/**/*.log")]
    assert not any("Traceback" in text for text in [done.stdout, *logs]), done.stdout
    assert not list(project.results.rglob(".tmp-*"))
    return done.stdout


def told_at_the_end(output: str) -> str:
    """What the end of a failed run says of its failures."""
    return output[output.index(" failed. What was finished is kept: ") :]


def ages(project: Project) -> dict[Path, tuple[int, int]]:
    """Each finished result, with what changes when it is made again."""
    files = [p for p in project.results.rglob("*") if p.is_file() and "logs" not in p.parts and ".tmp-" not in p.name]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def assert_finishes(project: Project, kept: dict, undisturbed: Project) -> str:
    """A plain rerun makes no finished result again, and ends as the undisturbed run did, to the last bit; its words."""
    output = project.run().stdout
    now = ages(project)
    assert {path: now[path] for path in kept} == kept
    assert not list(project.results.rglob(".tmp-*"))
    assert not list((project.root / ".snakemake/incomplete").iterdir())
    for shard in ("s0000", "s0001"):
        ours, theirs = (store.read(p.results / STORES / f"{shard}.zarr.zip") for p in (project, undisturbed))
        assert ours.image_ids == theirs.image_ids
        np.testing.assert_array_equal(ours.attributions, theirs.attributions)
        path = f"{SCORES}/signed/{shard}.parquet"
        scores = [pd.read_parquet(p.results / path).drop(columns="seconds") for p in (project, undisturbed)]
        pd.testing.assert_frame_equal(*scores, check_exact=True)
    assert len(list((project.results / "tables").iterdir())) == 3
    assert project.planned() == set()
    return output


def begun(project: Project, *arguments: str) -> subprocess.Popen:
    """A run under way, in a process group of its own, which `end` ends."""
    process = subprocess.Popen(
        project.command(*arguments),
        cwd=project.root,
        env=project.environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    BEGUN.append(process)
    return process


def end() -> None:
    """Kill what is left of all runs begun, also jobs that were suspended by a test that failed."""
    while BEGUN:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(BEGUN.pop().pid, signal.SIGKILL)


def jobs(process: subprocess.Popen) -> list[psutil.Process]:
    """The jobs that a run has at work now."""
    found = []
    with contextlib.suppress(psutil.Error):
        for below in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "attx" in below.cmdline()[:4]:
                    found.append(below)
    return found


def started(project: Project) -> tuple[subprocess.Popen, psutil.Process]:
    """A run, one job at a time, that has finished a store, and its next job, suspended at work.

    At work is when Torch is there: the job's own way with signals is by then, and it is far from its end.
    """
    process = begun(project, "--cores", "1")
    assert any("images explained" in line for line in process.stdout)
    assert any("steps (" in line for line in process.stdout)  # Snakemake has noted the job as done
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        for job in jobs(process):
            with contextlib.suppress(psutil.Error):
                if any("libtorch" in each.path for each in job.memory_maps()):
                    job.suspend()
                    assert any((project.results / STORES).iterdir())
                    return process, job
        time.sleep(0.02)
    raise AssertionError("no second job came")
