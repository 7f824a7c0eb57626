"""The end of a failed run: every error once, with its logs; nothing of what went well or failed in an earlier run."""

import os
import time

import pytest

from attx.failures import SILENT, summary


@pytest.fixture
def results(tmp_path):
    """A results folder, whose `log(rule, output, text)` writes a log and whose `made(output)` writes an output."""

    class Results:
        root = tmp_path
        started = time.time() - 10

        def write(self, path, text="", age=0.0):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
            os.utime(tmp_path / path, (self.started + 5 - age,) * 2)

        def summary(self, *failed, silent=SILENT):
            return summary(tmp_path, self.started, [str(tmp_path / log) for log in failed], silent)

    return Results()


def test_nothing_to_tell(results):
    assert results.summary() == ""
    results.write("logs/predict/predictions/d/net.v1/s0000.log", "10/20 images\n")
    results.write("predictions/d/net.v1/s0000.csv")
    results.write("logs/weights/weights/old.log", "error: of an earlier run\n", age=60)
    assert results.summary() == ""


def test_one_error_of_many_jobs_is_told_once(results):
    for shard in range(5):
        results.write(f"logs/predict/p/s{shard}.log", "1/2 images\nerror: bad labels:\n  a.png: label 9\n")
    results.write("logs/figure/figures/d_curves.log", "error: disk full\n")
    told = results.summary()
    assert told.startswith("6 jobs failed. What was finished is kept")
    assert told.count("error: bad labels:\n  a.png: label 9\n  log: ") == 1
    assert f"{results.root}/logs/predict/p/s2.log and 2 more" in told
    assert f"error: disk full\n  log: {results.root}/logs/figure/figures/d_curves.log" in told


def test_logs_on_another_disk_by_a_link_are_read(results, tmp_path_factory):
    (results.root / "logs").mkdir()
    (results.root / "logs/predict").symlink_to(tmp_path_factory.mktemp("disk"))
    results.write("logs/predict/p/s0.log", "error: bad labels\n")
    assert "error: bad labels" in results.summary()


def test_a_traceback_is_named_by_its_last_line(results):
    results.write("logs/score/s.log", 'x\nTraceback (most recent call last):\n  File "a"\nIndexError: out of range\n')
    assert "1 job failed." in results.summary()
    assert "error: IndexError: out of range (the log has the traceback)\n" in results.summary()


def test_a_job_that_was_killed_said_nothing(results):
    results.write("logs/attribute/a/s0000.log", "a: 4/8 images, 5 s, 5 s left\n")
    assert SILENT in results.summary()
    results.write("a/.tmp-host-1-2-s0000.zarr.zip")
    results.write("a/s0000.safetensors.checkpoint")
    assert SILENT in results.summary()
    results.write("a/s0000.zarr.zip")
    assert results.summary() == ""


def test_interruption_is_no_failure(results):
    results.write("logs/attribute/a/s0000.log", "interrupted: what was finished is kept\n")
    results.write("logs/attribute/a/s0002.log", "Traceback (most recent call last):\n  ...\nKeyboardInterrupt\n")
    assert results.summary() == ""
    results.write("logs/attribute/a/s0001.log")
    assert SILENT in results.summary()
    assert results.summary(silent="") == ""  # in a run that was interrupted, a job may end before it can speak
    results.write("logs/attribute/a/s0003.log", "error: disk full\n")
    assert results.summary(silent="").startswith("1 job failed.")


def test_a_failure_that_snakemake_tells_of_counts_whatever_the_clock_says(results):
    log = "logs/attribute/a/s0000.log"
    results.write(log, "error: disk full\n", age=86400)
    assert results.summary() == ""
    assert "error: disk full" in results.summary(log)
    results.write(log, "1/2 images\n", age=86400)
    results.write("a/s0000.zarr.zip")
    assert SILENT in results.summary(log)
