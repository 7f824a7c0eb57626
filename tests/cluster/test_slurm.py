"""The workflow on a real Slurm: the same results as without it, whatever Slurm does to its jobs."""

import signal
import subprocess
import sys

import pytest

from tests.cluster.compare import assert_equal
from tests.cluster.project import ClusterProject, kill
from tests.cluster.slurm import PATIENCE, await_, said
from tests.workflow.broken import ages

pytestmark = pytest.mark.workflow


def test_a_run_on_slurm_equals_a_run_without(slurm, undisturbed, tmp_path):
    project = undisturbed.copy(tmp_path / "project")
    (project.root / "results").rename(tmp_path / "aside")
    (project.root / ".snakemake").rename(tmp_path / "records")
    # scores share a Slurm job; predictions ask for a GPU, and fill no time with it
    shared = ("--groups", "shard=prepare", "predict=prepare", "score=judge", "collect=finish")
    asked = ("--set-resources", "predict:gpu=1", "--group-components", "prepare=10", "judge=4")
    done = project.run(*project.slurm(*shared, "table=finish", *asked))
    sent = {line.split()[1]: line.split()[0] for line in history("%P %k", project)}
    assert sent["rule_prepare_predict_shard"] == "gpu"
    assert set(sent.values()) == {"cpu", "gpu"}
    assert len(sent) == 7, sent
    assert assert_equal(project.results, undisturbed.results)[".zip"] == 4
    assert project.planned() == set()
    assert "rror" not in done.stdout


def test_time_limit_preemption_and_a_lost_node(slurm, undisturbed, unexplained, survived):
    unexplained.hold()
    run = unexplained.started("--until", "attribute")
    jobs = unexplained.held(slurm, 4)
    nodes = dict(line.split() for line in said("squeue", "--noheader", "--format=%A %N").splitlines())
    late, lost = (job for job in jobs if nodes[job] == "node1")
    (first,) = limits(jobs[late], unexplained)
    said("scontrol", "update", f"JobId={late}", "EndTime=now")
    urgent = said(
        "sbatch",
        "--parsable",
        "--partition=urgent",
        "--nodelist=node2",
        "--exclusive",
        "--output=/dev/null",
        "--wrap=true",
    )
    await_(lambda: slurm.jobs("COMPLETED").get(urgent.strip()), "the urgent job has had node2 to itself")
    await_(lambda: len(limits(jobs[late], unexplained)) == 2, f"another try of the late job\n{unexplained.said()}")
    slurm.lose("node1")
    slurm.bring_back("node1")
    unexplained.release()
    assert run.wait(PATIENCE) == 0, unexplained.said()
    assert f"SLURM-job '{late}' failed, SLURM status is: 'TIMEOUT'" in unexplained.said()
    assert limits(jobs[late], unexplained)[1] == 2 * first
    preempted = {job for job in jobs if nodes[job] == "node2"}
    restarts = {job: int(said("scontrol", "show", "job", job).split(" Restarts=")[1].split()[0]) for job in jobs}
    assert (restarts[late], restarts[lost]) == (0, 1)
    assert all(restarts[job] in (1, 2) for job in preempted)  # some may then have been on node1
    (log,) = (unexplained.root / ".snakemake/slurm_logs").rglob(f"{late}.log")
    assert "error: terminated from outside (a time limit?): what was finished is kept" in log.read_text()
    assert_finishes(unexplained, undisturbed)
    survived("Slurm: a job at its time limit", 1, "SLURM status is: 'TIMEOUT'; it is sent again with twice the time")
    survived("Slurm: a job preempted", len(preempted), "nothing: Slurm puts it back into its queue")
    survived("Slurm: a node lost with its jobs", 1, "nothing: Slurm puts them back into its queue")


def test_jobs_beyond_their_memory(slurm, undisturbed, unexplained, survived):
    unexplained.edit("attx/resources.py", "BASE_MB = 1500", "BASE_MB = 500")  # too little even to load PyTorch
    unexplained.run(*unexplained.slurm("--until", "attribute"))
    asked = sorted(line.split()[::-1] for line in history("%m %k", unexplained))
    assert [memory for _, memory in asked] == ["1200M", "600M"] * 4, asked
    logs = [log.read_text() for log in (unexplained.root / ".snakemake/slurm_logs").rglob("*.log")]
    assert sum("exceeded memory limit" in text for text in logs) == 4
    assert_finishes(unexplained, undisturbed)
    survived("Slurm: jobs that it kills for their memory", 4, "the job failed; it is sent again with twice the memory")


def assert_finishes(project: ClusterProject, undisturbed: ClusterProject) -> None:
    """The next run, on this machine alone, goes on from Slurm's maps, and all ends as in the undisturbed run."""
    maps = ages(project)
    project.run()
    now = ages(project)
    assert {path: now[path] for path in maps} == maps
    assert assert_equal(project.results, undisturbed.results)[".zip"] == 4


def history(columns: str, project: ClusterProject) -> list[str]:
    """All jobs that Slurm has had of a project, by these columns."""
    lines = said("squeue", "--states=all", "--noheader", f"--format=%Z {columns}").splitlines()
    return [line.removeprefix(f"{project.root} ") for line in lines if line.startswith(f"{project.root} ")]


def limits(comment: str, project: ClusterProject) -> list[int]:
    """The time limits, in minutes, of a project's jobs with this comment, in the order sent."""
    sent = sorted(int(line.split()[0]) for line in history("%A %k", project) if line.endswith(f" {comment}"))
    shown = [said("scontrol", "--oneliner", "show", "job", str(job)) for job in sent]
    times = [text.split(" TimeLimit=")[1].split()[0].split(":") for text in shown]
    return [60 * int(hours) + int(minutes) for hours, minutes, _ in times]


def unlock(project: ClusterProject) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "attx", "unlock"]
    environment = project.environment()
    return subprocess.run(command, cwd=project.root, env=environment, text=True, capture_output=True, timeout=PATIENCE)


def test_an_interrupted_run_takes_its_jobs_along_and_a_killed_one_is_unlocked_once_they_are_over(
    slurm, undisturbed, unexplained, survived
):
    unexplained.hold()
    run = unexplained.started("--until", "attribute")
    await_(lambda: unexplained.said().count("has been submitted with SLURM jobid") == 4, "four jobs")
    run.send_signal(signal.SIGINT)
    assert run.wait(PATIENCE) == 1
    await_(lambda: not slurm.jobs(), "the end of the jobs")
    slurm.clear()
    run = unexplained.started("--until", "attribute")
    jobs = unexplained.held(slurm, 4)
    kill(run)
    refused = unlock(unexplained)
    assert refused.returncode == 2
    for job, comment in jobs.items():
        assert f"Slurm job {job} (running): {comment}, to be stopped by `scancel {job}`" in refused.stderr
    unexplained.release()
    slurm.clear()
    await_(lambda: unlock(unexplained).returncode == 0, "the end of the jobs' last processes")
    unexplained.run("--until", "attribute")
    assert_finishes(unexplained, undisturbed)
    survived("Slurm: Ctrl-C", 1, "nothing more than without Slurm: its jobs are cancelled")
    survived("Slurm: kill -9 of Snakemake, its jobs alive", 1, "make unlock names the jobs, and scancel")
