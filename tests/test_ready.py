"""Before the first job: a results folder that can be written to, and nothing in it that is dated ahead."""

import os
import time

import pytest

from attx.errors import UserError
from attx.ready import ready


def test_results_dated_ahead_are_dated_now(tmp_path, capsys):
    times = {"ahead.csv": time.time() + 9999, "old.csv": time.time() - 9999}
    (tmp_path / "out").mkdir()
    for name, moment in times.items():
        (tmp_path / "out" / name).touch()
        os.utime(tmp_path / "out" / name, (moment, moment))
    ready(tmp_path / "out")
    assert abs((tmp_path / "out/ahead.csv").stat().st_mtime - time.time()) < 600
    assert (tmp_path / "out/old.csv").stat().st_mtime == pytest.approx(times["old.csv"], abs=1)
    assert capsys.readouterr().err.startswith("1 results were dated ahead: was the clock set back?")
    ready(tmp_path / "out")
    assert capsys.readouterr().err == ""
    assert len(os.listdir(tmp_path / "out")) == 2


def test_a_link_is_dated_and_not_what_it_names(tmp_path):
    (tmp_path / "out").mkdir()
    target, link, moment = tmp_path / "theirs.csv", tmp_path / "out/link.csv", time.time() + 9999
    target.touch()
    os.utime(target, (moment, moment))
    link.symlink_to(target)
    os.utime(link, (moment, moment), follow_symlinks=False)
    ready(tmp_path / "out")
    assert target.stat().st_mtime == pytest.approx(moment, abs=1)
    assert abs(link.lstat().st_mtime - time.time()) < 600


def test_results_on_another_disk_by_a_link_are_dated_too(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "disk").mkdir()
    (tmp_path / "out/maps").symlink_to(tmp_path / "disk")
    (tmp_path / "disk/within").symlink_to(tmp_path / "out")  # a circle
    (tmp_path / "disk/ahead.csv").touch()
    os.utime(tmp_path / "disk/ahead.csv", (time.time() + 9999,) * 2)
    ready(tmp_path / "out")
    assert abs((tmp_path / "disk/ahead.csv").stat().st_mtime - time.time()) < 600


def test_a_folder_that_cannot_be_made_or_written_to(tmp_path):
    ready(tmp_path / "new/folder")
    (tmp_path / "file").touch()
    for place in ("file", "file/below"):
        with pytest.raises(UserError, match=r"cannot be written to .*: choose another `results`"):
            ready(tmp_path / place)
