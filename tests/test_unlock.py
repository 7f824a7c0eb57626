"""A folder that is locked by a run of another machine, which cannot be looked at."""

import pytest

from attx import unlock
from attx.errors import UserError

THERE = r"process 77 on login1"


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A locked folder whose run is on `login1`, as Snakemake and `note` leave it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # no squeue
    unlock.LOCKS.mkdir(parents=True)
    (unlock.LOCKS / "0.input.lock").touch()
    with monkeypatch.context() as there:
        there.setattr("socket.gethostname", lambda: "login1")
        there.setattr("os.getpid", lambda: 77)
        unlock.note()
    return unlock.LOCKS


def test_the_lock_of_another_machine_is_kept_unless_by_force(locked, capsys):
    with pytest.raises(UserError, match=rf"not unlocked: .* is {THERE}.* `make unlock` there; .*FORCE=1"):
        unlock.run()
    assert locked.is_dir()
    unlock.run(force=True)
    assert not locked.exists()
    assert "unlocked: run again" in capsys.readouterr().out


def test_a_run_refused_is_told_of_the_machine(locked):
    assert f"locked by {THERE}, so this run did nothing" in unlock.locked()


def test_the_lock_of_this_machine_is_removed(locked):
    unlock.note()
    unlock.run()
    assert not locked.exists()


def test_without_a_lock_nothing_is_noted(locked):
    (locked / "0.input.lock").unlink()
    before = unlock.NOTE.read_text()
    unlock.note()
    assert unlock.NOTE.read_text() == before
