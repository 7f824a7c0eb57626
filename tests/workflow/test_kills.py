"""Runs that are interrupted or killed, at whatever point: what was finished is kept, and the next run goes on."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.workflow.broken import ages, assert_finishes, begun, jobs, started, told_at_the_end
from tests.workflow.project import PATIENCE, Project

pytestmark = pytest.mark.workflow
STOPPED = "interrupted: what was finished is kept, nothing is half-written; run again to go on\n"
KILLED = "the job ended without a word: killed, perhaps for want of memory"
ALIVE = "error: not unlocked, since runs or jobs of this folder are alive:\n  process "
LOCKED = "error: the folder is locked, and no run of it is alive on this machine: one was killed"
OTHER = "error: another run in this folder is under way, so this one did nothing; wait until it ends:\n  process "


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c(unexplained, finished_run, survived, times):
    process, job = started(unexplained)
    kept = ages(unexplained)
    os.killpg(process.pid, signal.SIGINT)
    job.resume()
    if times == 2:
        time.sleep(0.1)  # as fast as fingers are
        os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode in (1, 130, -signal.SIGINT)
    assert STOPPED in output
    assert "Traceback" not in output
    assert "job failed" not in output
    assert_finishes(unexplained, kept, finished_run)
    survived("Ctrl-C" if times == 1 else "Ctrl-C twice", 1, STOPPED)


AT_THE_END = """
import atexit, pathlib, signal, sys, time

def wait():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as Python does, a little later
    pathlib.Path("at the end").touch()
    time.sleep(240)

if "attribute" in sys.orig_argv:
    atexit.register(wait)
"""


def test_ctrl_c_while_a_job_ends(unexplained, finished_run, survived):
    (unexplained.root / "sitecustomize.py").write_text(AT_THE_END)  # which Python runs as it starts
    process, kept, deadline = begun(unexplained, "--cores", "1"), ages(unexplained), time.monotonic() + PATIENCE
    while not (unexplained.root / "at the end").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 1
    assert output.count(STOPPED) == 1
    assert "Traceback" not in output
    assert "failed" not in output
    (unexplained.root / "sitecustomize.py").unlink()
    assert_finishes(unexplained, kept, finished_run)
    survived("Ctrl-C while a job ends, which can say nothing any more", 1, STOPPED)


def test_a_killed_run(unexplained, finished_run, survived):
    process, job = started(unexplained)
    kept = ages(unexplained)
    process.kill()
    process.wait(timeout=PATIENCE)  # its jobs outlive it; its output stays open, since the job has it too
    said = unlock(unexplained)
    assert said.startswith(ALIVE)
    assert re.search(rf"process {job.pid}: attx (attribute|score), since \d\d:\d\d\n", said)
    assert OTHER in unexplained.run(check=False).stdout
    job.resume()
    job.wait(PATIENCE)
    locked = unexplained.run(check=False)
    assert locked.returncode == 1
    assert LOCKED in locked.stdout
    assert "--unlock" not in locked.stdout
    assert unlock(unexplained) == "unlocked: run again, and it goes on from where it stopped\n"
    assert unlock(unexplained) == "nothing is locked here\n"
    assert_finishes(unexplained, kept, finished_run)
    survived("kill -9 of Snakemake, whose job lives on", 1, f"{LOCKED} ... `make unlock`, which refuses while it lives")


def unlock(project: Project) -> str:
    command = [sys.executable, "-m", "attx", "unlock"]
    return subprocess.run(
        command,
        cwd=project.root,
        env=project.environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        check=False,
    ).stdout


def test_two_runs_in_one_folder(unexplained, finished_run, survived):
    process, job = started(unexplained)
    kept = ages(unexplained)
    second = unexplained.run(check=False)
    assert second.returncode == 1
    assert f"{OTHER}{process.pid}: snakemake, since " in second.stdout
    job.resume()
    output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 0, output
    assert_finishes(unexplained, kept, finished_run)
    survived("two Snakemakes at once in one folder", 1, f"{OTHER}N: snakemake, since 12:00")


def test_jobs_killed_at_random_points(unexplained, finished_run, survived, pytestconfig):
    draw, rounds, kept, count = random.Random(pytestconfig.getoption("--seed")), 3, {}, 0
    for _ in range(rounds):
        process, killed = begun(unexplained, "--cores", "2"), set()
        while process.poll() is None:
            fresh = [job for job in jobs(process) if job.pid not in killed]
            for job in fresh[:1]:
                time.sleep(draw.uniform(0, 2.5))  # from its first import to after its end
                with contextlib.suppress(psutil.NoSuchProcess):
                    job.kill()
                    count += 1
                killed.add(job.pid)
            time.sleep(0.02)
        output = process.communicate(timeout=PATIENCE)[0]
        now = ages(unexplained)
        assert {path: now[path] for path in kept} == kept
        kept = now
        if process.returncode:
            assert KILLED in told_at_the_end(output)
            assert "  log: results/tiny/logs/" in told_at_the_end(output)
    assert count
    assert_finishes(unexplained, kept, finished_run)
    survived(f"kill -9 of jobs at random points, in {rounds} runs one after another", count, KILLED)


def test_two_folders_that_share_results(unexplained, finished_run, survived, tmp_path):
    other = unexplained.copy(tmp_path / "other")
    shutil.rmtree(other.root / "results")
    (other.root / "results").symlink_to(unexplained.root / "results")
    runs = [begun(project) for project in (unexplained, other)]
    outputs = [run.communicate(timeout=PATIENCE)[0] for run in runs]
    assert not any("Traceback" in output for output in outputs)
    for project in (unexplained, other):
        assert_finishes(project, {}, finished_run)
    fine = not any(run.returncode for run in runs)
    told = "nothing: both completed" if fine else "FILE is missing: run the workflow, which makes it"
    survived("two Snakemakes in two folders that share their results", 1, told)
