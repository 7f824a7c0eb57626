"""Whole files or none."""

import contextlib
import os
import subprocess
import sys

import pytest

from attx.errors import UserError
from attx.files import atomic, read_sealed, write_sealed, write_text


def test_a_file_appears_whole_and_replaces_the_old_one(tmp_path):
    path = tmp_path / "deep/a.txt"
    write_text(path, "one")
    with atomic(path) as temporary:
        temporary.write_text("two")
        assert path.read_text() == "one"
        assert temporary.parent == path.parent
        assert temporary.suffix == ".txt"
    assert path.read_text() == "two"


def test_a_failure_leaves_nothing_and_keeps_the_old(tmp_path):
    write_text(tmp_path / "a.txt", "one")
    with contextlib.suppress(ZeroDivisionError), atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        _ = 1 / 0
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "one"


def test_what_a_killed_process_left_is_removed_but_not_a_living_ones(tmp_path):
    code = (
        "import os, signal, sys; from attx.files import atomic\n"
        f"with atomic({str(tmp_path / 'a.txt')!r}) as t:\n"
        "    t.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    with atomic(tmp_path / "a.txt") as mine:
        mine.write_text("living")
        write_text(tmp_path / "a.txt", "another")
        assert mine.read_text() == "living"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_host_whose_name_begins_another_leaves_the_others_files_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "hpc")
    for theirs in ("hpc-1", "hpc-node-1", "hpc_1", "hpc_node-1"):
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("socket.gethostname", lambda: theirs)  # noqa: B023 - called within the loop
            with atomic(tmp_path / "a.txt") as living:
                living.touch()
                elsewhere.setattr("socket.gethostname", lambda: "hpc")
                write_text(tmp_path / "a.txt", "mine")
                assert living.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_disk_is_one_clear_error_and_nothing_is_lost(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(small)], check=False).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        write_text(small / "a.txt", "one")
        with pytest.raises(UserError, match=r"disk full while writing .*a\.txt"):
            write_text(small / "a.txt", "x" * 1_000_000)
        assert [p.name for p in small.iterdir()] == ["a.txt"]
        assert (small / "a.txt").read_text() == "one"
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_sealed_file_is_read_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.csv"
    for text in ("", "a,b\n1,2\r\n# sha256 is no end\nä,4\n"):
        write_sealed(path, text)
        assert read_sealed(path) == text
    whole = path.read_bytes()
    flipped = [whole[:i] + bytes([byte ^ 1 << i % 8]) + whole[i + 1 :] for i, byte in enumerate(whole)]
    for damaged in (*flipped, b"", whole[:-1], whole[:20], whole + b"\n"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"a\.csv is damaged .*: delete it and run again"):
            read_sealed(path)
    path.unlink()
    with pytest.raises(UserError, match="is missing"):
        read_sealed(path)
