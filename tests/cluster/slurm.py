"""A real Slurm on this machine: munged, slurmctld and two nodes' slurmd, on loopback, with a state folder of its own.

Job steps find no `SLURM_CONF` in their environment, so the configuration is written to /etc/slurm, where none may
stand but one of an earlier test's, known by its first line. That line also names the folder of what it left running.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

CONFIG = Path("/etc/slurm/slurm.conf")
GRES = CONFIG.with_name("gres.conf")
MARKER = "# written by the tests of attx, state in "
LOCK = Path("/run/lock/attx-test-slurm")
NODES = ("node1", "node2")
PATIENCE = 300  # seconds to wait for anything: on a loaded machine all takes its time
SETTINGS = Path(__file__).with_name("slurm.conf")  # with places for {host} and {folder}


def absent() -> str:
    """Why there can be no Slurm for tests here; "" if there can."""
    lacking = [name for name in ("slurmctld", "slurmd", "munged", "sbatch") if not shutil.which(name)]
    if os.geteuid():
        return "no Slurm for tests: its daemons are started by root"
    if lacking:
        return f"no Slurm for tests: {', '.join(lacking)} not found (Debian: apt-get install slurm-wlm munge)"
    if any(path.exists() and not path.read_text().startswith(MARKER) for path in (CONFIG, GRES)):
        return f"no Slurm for tests: {CONFIG.parent} has the configuration of a cluster"
    if not CONFIG.exists() and subprocess.run(["sinfo"], capture_output=True, check=False).returncode == 0:
        return "no Slurm for tests: this machine belongs to a cluster already"
    return ""


def await_(happened: Callable[[], object], what: str) -> object:
    """The first true value of `happened()`, asked several times a second; TimeoutError names `what` was awaited."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := happened():
            return found
        time.sleep(0.1)
    raise TimeoutError(what)


class Slurm:
    """The running daemons, by name: `munged`, `slurmctld`, and the nodes' slurmd `node1` and `node2`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: dict[str, subprocess.Popen] = {}

    def start(self) -> None:
        """Write the configuration and start all; TimeoutError if the nodes do not get idle."""
        stop_leftovers()
        host = socket.gethostname().split(".")[0]
        for name in ("munge", "state", "dev", *(f"spool/{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        subprocess.run(["mknod", str(self.folder / "dev/nvidia0"), "c", "1", "3"], check=True)
        settings = SETTINGS.read_text().format(host=host, folder=self.folder)
        CONFIG.write_text(f"{MARKER}{self.folder}\n{settings}")
        GRES.write_text(f"{MARKER}{self.folder}\nNodeName=node1 Name=gpu File={self.folder}/dev/nvidia0\n")
        munge = self.folder / "munge"
        (munge / "key").write_bytes(os.urandom(128))
        (munge / "key").chmod(0o600)
        places = [f"--{name}-file={munge / name}" for name in ("key", "log", "pid", "seed")]
        self._start("munged", "munged", "--foreground", "--force", f"--socket={munge / 'socket'}", *places)
        await_((munge / "socket").exists, "munged's socket")
        self._start("slurmctld", "slurmctld", "-D", "-c")
        for node in NODES:
            self._start(node, "slurmd", "-D", "-N", node)
        await_(lambda: self.states() == dict.fromkeys(NODES, "idle"), f"idle nodes, see {self.folder}/*.log")

    def _start(self, name: str, *command: str) -> None:
        with open(self.folder / f"{name}.out", "ab") as out:
            self.daemons[name] = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        (self.folder / f"{name}.started").write_text(str(self.daemons[name].pid))

    def stop(self) -> None:
        """End all jobs and daemons, and take the configuration away."""
        with contextlib.suppress(TimeoutError):
            self.clear()
        for process in self.daemons.values():
            process.terminate()
        for process in self.daemons.values():
            process.wait(PATIENCE)
        CONFIG.unlink(missing_ok=True)
        GRES.unlink(missing_ok=True)

    def clear(self) -> None:
        """End all jobs, and what they leave: without cgroups, Slurm loses processes whose parent has ended."""
        said("scancel", "--signal=KILL", "--full", "--user=root")
        said("scancel", "--user=root")
        await_(lambda: not self.jobs(), "the end of all jobs")
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SLURM_CLUSTER_NAME") == "attx":
                    process.kill()

    def states(self) -> dict[str, str]:
        """The state of each node, in Slurm's words: idle, mixed, allocated, down, ..."""
        return dict(line.split() for line in said("sinfo", "--Node", "--noheader", "--format=%N %T").splitlines())

    def jobs(self, state: str = "") -> dict[str, str]:
        """The comments (rule and wildcards) of jobs that are not over, or of those in a state, by id."""
        states = [f"--states={state}"] if state else []
        lines = said("squeue", "--noheader", "--format=%A %k", *states).splitlines()
        return dict(line.split(maxsplit=1) for line in lines)

    def lose(self, node: str) -> None:
        """Take a node away as a power cut does: kill its daemon and all that runs below it.

        Slurm is told that it is down, as it would find out itself after its SlurmdTimeout.
        """
        daemon = self.daemons.pop(node)
        steps = [p for p in psutil.process_iter() if p.name() == "slurmstepd" and on(p, node)]
        for process in [psutil.Process(daemon.pid), *steps]:
            with contextlib.suppress(psutil.NoSuchProcess):
                for one in [process, *process.children(recursive=True)]:
                    one.kill()
        daemon.wait()
        said("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=lost")
        await_(lambda: self.states()[node].startswith("down"), f"{node} down")

    def bring_back(self, node: str) -> None:
        """Start a lost node again, and wait until it takes jobs."""
        self._start(node, "slurmd", "-D", "-N", node)
        await_(lambda: self.states()[node] in ("idle", "mixed", "allocated"), f"{node} back")


def on(process: psutil.Process, node: str) -> bool:
    """Whether a process that Slurm started is of this node."""
    with contextlib.suppress(psutil.Error):
        return any(below.environ().get("SLURMD_NODENAME") == node for below in process.children(recursive=True))
    return False


def said(*command: str) -> str:
    """What a command of Slurm's prints; "" if it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE).stdout


def stop_leftovers() -> None:
    """End the daemons that tests killed before their end have left."""
    if not CONFIG.exists():
        return
    folder = Path(CONFIG.read_text().splitlines()[0].removeprefix(MARKER))
    for file in folder.glob("*.started"):
        with contextlib.suppress(psutil.NoSuchProcess, ValueError):
            process = psutil.Process(int(file.read_text()))
            if process.name() in ("munged", "slurmctld", "slurmd"):
                process.kill()
                process.wait(10)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Slurm]:
    """A Slurm with its state in `folder`; one at a time on a machine."""
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        slurm = Slurm(folder)
        try:
            slurm.start()
            yield slurm
        finally:
            slurm.stop()
