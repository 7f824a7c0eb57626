"""The tiny project on Slurm, with a model that can be held at work."""

import signal
import subprocess
from pathlib import Path

from tests.cluster.slurm import PATIENCE, Slurm, await_
from tests.workflow.project import Project

MODEL = '''
import os
import time
from pathlib import Path

from tests.toy_models import small_cnn


def make():
    net = small_cnn()
    net.register_forward_pre_hook(hold)
    return net


def hold(*_):
    """Wait while there is a folder `hold`, but not for ever; a file in it tells which process waits."""
    deadline = time.monotonic() + 900
    while Path("hold").exists() and time.monotonic() < deadline:
        Path("hold", os.environ.get("SLURM_JOB_ID", "local")).touch()
        time.sleep(0.1)
'''

# the plugin would look at jobs more and more seldom
EAGER = """
if workflow.is_main_process:
    from snakemake_executor_plugin_slurm import Executor

    Executor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, seconds: None)
"""


def configure(config: dict) -> None:
    """Two methods, no figures; the model that can be held."""
    config["models"]["net"]["function"] = "own_models:make"
    config["methods"].pop("random")
    config["figures"] = {}


class ClusterProject(Project):
    """A project whose runs go to Slurm, unless asked for here."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.runs: list[subprocess.Popen] = []

    @classmethod
    def create(cls, root: Path, held: bool = True) -> "ClusterProject":
        """The tiny project; `held`: with the model that can be held, and fewer methods."""
        project = super().create(root)
        with open(root / "Snakefile", "a", encoding="utf-8") as snakefile:
            snakefile.write(EAGER)
        if held:
            (root / "own_models.py").write_text(MODEL)
            project.configure(configure)
        return project

    def copy(self, root: Path) -> "ClusterProject":
        return ClusterProject(super().copy(root).root)

    def slurm(self, *arguments: str) -> list[str]:
        """Arguments of a run on Slurm by the profile, which asks squeue alone."""
        asks = ("--slurm-status-command", "squeue")
        return ["--workflow-profile", "profiles/slurm", "--latency-wait", "60", *asks, *arguments]

    def started(self, *arguments: str) -> subprocess.Popen:
        """A run on Slurm, in a process group of its own; its words go to said.txt."""
        with open(self.root / "said.txt", "w") as out:
            command = self.command(*self.slurm(*arguments))
            environment = self.environment()
            self.runs.append(
                subprocess.Popen(
                    command, cwd=self.root, env=environment, stdout=out, stderr=out, start_new_session=True
                )
            )
        return self.runs[-1]

    def end(self) -> None:
        """Kill the runs that a test has left."""
        for run in self.runs:
            if run.poll() is None:
                kill(run)

    def said(self) -> str:
        return (self.root / "said.txt").read_text()

    def hold(self) -> None:
        (self.root / "hold").mkdir()

    def release(self) -> None:
        (self.root / "hold").rename(self.root / "held")

    def held(self, slurm: Slurm, number: int) -> dict[str, str]:
        """Wait until so many of Slurm's running jobs are held; their comments, by id."""

        def waiting() -> dict[str, str]:
            running = slurm.jobs("RUNNING")
            return {job: running[job] for job in running if (self.root / "hold" / job).exists()}

        return await_(lambda: len(found := waiting()) == number and found, f"{number} jobs at work\n{self.said()}")


def kill(process: subprocess.Popen) -> None:
    """Kill a run, as a lost login node does."""
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
