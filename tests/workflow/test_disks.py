"""Disks that are full or not to be written to, results that were damaged, clocks that jump: told, and then mended."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.workflow.broken import SCORES, STORES, ages, assert_finishes, failing, started, told_at_the_end
from tests.workflow.project import PATIENCE, Project

pytestmark = pytest.mark.workflow
MEND = "delete it and run again, and it is made anew (`make verify` finds all such)"


@pytest.fixture
def small_disk(unexplained, tmp_path):
    """The run on a disk of its own with 16 kB left, of which the file at the end of this fixture holds the rest."""
    results, aside = unexplained.root / "results", tmp_path / "aside"
    results.rename(aside)
    results.mkdir()
    mount(results, "-t", "tmpfs", "-o", "size=1m", "tmpfs")
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", str(results)], check=True)
        disk = os.statvfs(results)
        (results / "ballast").write_bytes(b"\1" * (disk.f_bavail * disk.f_frsize - 16384))
        yield unexplained
    finally:
        subprocess.run(["umount", str(results)], check=True)


def mount(place: Path, *arguments: str) -> None:
    done = subprocess.run(["mount", *arguments, str(place)], check=False, capture_output=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.decode().strip()}")


def test_a_full_disk_loses_nothing(small_disk, finished_run, survived):
    kept = ages(small_disk)
    said = failing(small_disk)
    assert f"error: disk full while writing results/tiny/{STORES}/s000" in said
    assert "error: disk full" in told_at_the_end(said)  # a log may have found no room
    assert ages(small_disk).items() >= kept.items()
    (small_disk.root / "results/ballast").unlink()
    assert_finishes(small_disk, kept, finished_run)
    survived("disk full", 1, f"error: disk full while writing results/tiny/{STORES}/s0000.zarr.zip")


def test_results_that_cannot_be_written(unexplained, finished_run, survived):
    kept, results = ages(unexplained), unexplained.root / "results"
    mount(results, "--bind", str(results))
    try:
        mount(results, "-o", "remount,bind,ro")
        done = unexplained.run(check=False)
    finally:
        subprocess.run(["umount", str(results)], check=True)
    told = "error: results/tiny cannot be written to (Read-only file system): choose another `results`"
    assert done.returncode == 1
    assert told in done.stdout
    assert "Traceback" not in done.stdout
    assert ages(unexplained) == kept
    assert_finishes(unexplained, kept, finished_run)
    survived("read-only results", 1, told)


def verify(project: Project, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "attx", "verify", "--configfile", "config/tiny.yaml", *arguments]
    return subprocess.run(
        command,
        cwd=project.root,
        env=project.environment(),
        text=True,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


def flip(path: Path, rng: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    data[rng.integers(len(data) // 8, len(data) // 4)] ^= 0x10
    path.write_bytes(data)


def test_damaged_results(finished, finished_run, survived, pytestconfig):
    rng = np.random.default_rng(pytestconfig.getoption("--seed"))
    results = finished.results
    damaged = [results / STORES / "s0000.zarr.zip", results / "predictions/tiny/net/s0001.csv"]
    damaged.append(results / "scores/tiny/insertion_deletion/net/integrated_gradients/signed/s0001.parquet")
    for path in damaged:
        flip(path, rng)
    for name in (*(f"{SCORES}/signed/s000{shard}" for shard in (0, 1)), "scores/tiny/insertion_deletion"):
        (results / f"{name}.parquet").unlink()  # what is made again reads what is damaged
    told = told_at_the_end(failing(finished))
    for path in damaged[:2]:
        assert f"error: {path.relative_to(finished.root)} is damaged (" in told
    assert told.count(MEND) == 2
    found = verify(finished)
    assert found.returncode == 2
    assert found.stdout.count("\n") == 3
    assert "3 damaged or left over: `make verify DELETE=1` (--delete) deletes them" in found.stderr
    assert verify(finished, "--delete").returncode == 0
    kept = {path: age for path, age in ages(finished).items() if f"{STORES}/s0001" in str(path)}
    there = {path.relative_to(finished.root) for path in ages(finished)}
    whole = {path.relative_to(finished_run.root) for path in ages(finished_run)}
    finished.run(*map(str, sorted(whole - there)))  # all that is missing, also what no table needs
    assert_finishes(finished, kept, finished_run)
    assert verify(finished).returncode == 0
    survived("a flipped bit in a store, a table, and predictions", 3, f"error: FILE is damaged (WHY): {MEND}")


def test_results_dated_ahead(unexplained, finished_run, survived):
    ahead = time.time() + 86400
    for path in ages(unexplained):
        os.utime(path, (ahead, ahead))
    told = "results were dated ahead: was the clock set back? They are dated now"
    assert told in assert_finishes(unexplained, {}, finished_run)
    survived("all results dated a day ahead, as by a clock that was set back", 1, f"N {told}")


CLOCK = """
import os
import time

true, utime, replace = time.time, os.utime, os.replace
time.time = lambda: true() + float(open(os.environ["CLOCK"]).read())

def dated(path, times=None, **more):
    utime(path, (time.time(), time.time()) if times is None and "ns" not in more else times, **more)

def replaced(source, target, **more):
    replace(source, target, **more)
    dated(target)

os.utime, os.replace = dated, replaced
"""


def test_a_clock_that_jumps(unexplained, finished_run, survived, monkeypatch, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("0")
    (unexplained.root / "sitecustomize.py").write_text(CLOCK)  # which Python runs as it starts
    with monkeypatch.context() as patch:
        patch.setenv("CLOCK", str(clock))
        process, job = started(unexplained)
    kept = ages(unexplained)
    (tmp_path / "earlier").write_text("-259200")
    (tmp_path / "earlier").replace(clock)  # at once, since it is read all the time, by Snakemake and by its jobs
    job.resume()
    output = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 1
    told = "error: an output came out older than its input, so Snakemake did not take it: was the clock set back?"
    assert told in told_at_the_end(output)
    (unexplained.root / "sitecustomize.py").unlink()
    assert_finishes(unexplained, kept, finished_run)
    survived("a clock set back by three days amid a run", 1, told)
