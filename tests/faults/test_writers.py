"""Writers that are killed -9 at random points: what stands there is whole, and the next one clears what they left."""

import os
import subprocess
import sys

import pytest

from tests.faults.writers import KINDS, ROOM


@pytest.mark.parametrize(("kind", "share"), [("store", 3), ("table", 1), ("csv", 1)])
def test_killed_writers(tmp_path, pytestconfig, kind, share, survived):
    count = share * pytestconfig.getoption("--kills")
    seed = pytestconfig.getoption("--seed")
    command = [sys.executable, "-m", "tests.faults.writers", kind, str(tmp_path), str(count), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600 + 30 * count, check=True)
    assert int(done.stdout) == count
    name, write, read = KINDS[kind]
    kept = sorted((tmp_path / "kept").iterdir())
    for kill, path in enumerate(kept):
        assert read(path) // ROOM == kill
    write(tmp_path / "at" / name, 7)
    assert os.listdir(tmp_path / "at") == [name]
    assert read(tmp_path / "at" / name) == 7
    told = "nothing: the file of before stands, or the new one"
    survived(f"kill -9 of the writer of a {kind}, {count} times amid a file", len(kept), told)
