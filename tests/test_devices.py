"""Jobs share GPUs evenly, and a killed one gives its own back."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import torch
from hypothesis import given
from hypothesis import strategies as st

from attx import devices
from attx.stages import common

TAKE = """
import sys
from pathlib import Path
from attx import devices
print(devices.deal(sys.argv[2:], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


@given(gpus=st.integers(1, 5), jobs=st.integers(0, 20))
def test_no_gpu_has_two_jobs_more_than_another(tmp_path_factory, gpus, jobs):
    folder = tmp_path_factory.mktemp("locks")
    found = Counter(dict.fromkeys(range(gpus), 0))
    found.update(devices.deal([f"uuid-{i}" for i in range(gpus)], folder) for _ in range(jobs))
    while devices._held:
        devices._held.pop().close()
    assert max(found.values()) - min(found.values()) <= 1


def taken(folder: Path, *names: str) -> tuple[subprocess.Popen, int]:
    """A process that holds one of the named GPUs until its stdin is closed, and which."""
    command = [sys.executable, "-c", TAKE, str(folder), *names]
    job = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return job, int(job.stdout.readline())


def test_what_a_killed_job_held_is_free(tmp_path):
    jobs = [taken(tmp_path, "a", "b") for _ in range(3)]
    try:
        assert [gpu for _, gpu in jobs] == [0, 1, 0]
        killed, gpu = jobs[1]
        killed.send_signal(signal.SIGKILL)
        killed.wait(timeout=300)
        jobs.append(taken(tmp_path, "a", "b"))
        assert jobs[-1][1] == gpu
    finally:
        for job, _ in jobs:
            job.communicate("")


def test_the_folder_of_locks_is_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setattr(devices.tempfile, "tempdir", str(tmp_path))
    own = devices._folder()
    assert own.parent == tmp_path
    assert own.stat().st_mode & 0o777 == 0o700
    own.rmdir()
    (tmp_path / "elsewhere").mkdir()
    own.symlink_to(tmp_path / "elsewhere")
    assert devices._folder() != own
    own.unlink()
    own.symlink_to(tmp_path / "nowhere")
    assert devices._folder() != own
    own.unlink()
    own.touch()
    assert devices._folder().is_dir()


def test_a_job_computes_on_the_gpu_it_was_dealt(tmp_path, monkeypatch):
    """Of CUDA's own calls none can be made here; that Triton follows the current device is Triton's to keep."""
    current = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda i: SimpleNamespace(uuid=f"uuid-{i}"))
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    monkeypatch.setattr(common.dispatch, "ready", lambda device: None)
    monkeypatch.setattr(devices, "_folder", lambda: tmp_path)
    other = taken(tmp_path, "uuid-0", "uuid-1")[0]
    try:
        for device in ("auto", "cuda", "cuda:0"):
            assert common.choose_device(device) == torch.device("cuda", int(device != "cuda:0"))
    finally:
        other.communicate("")
        common._dealt.cache_clear()
    assert current == [torch.device("cuda", i) for i in (1, 1, 0)]
