"""Which of Slurm's jobs are of a folder, by what a `squeue` of the test's own says."""

import pytest

from attx import slurm
from attx.errors import UserError


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """squeue(text, code) makes a command that prints the text and ends with the code; the folder is one's own."""
    folder, commands = tmp_path / "run", tmp_path / "bin"
    folder.mkdir()
    commands.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{commands}:/usr/bin:/bin")

    def make(text: str, code: int = 0) -> None:
        (commands / "squeue").write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {code}\n")
        (commands / "squeue").chmod(0o755)

    return make


def test_jobs_of_other_folders_are_not_named(squeue, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "run")
    folders = [tmp_path / "run", tmp_path / "run/below", tmp_path, tmp_path / "link"]
    squeue("\n".join(f"{n}|RUNNING|rule_score|{folder}" for n, folder in enumerate(folders, 1)))
    assert slurm.jobs() == [
        "Slurm job 1 (running): rule_score, to be stopped by `scancel 1`",
        "Slurm job 4 (running): rule_score, to be stopped by `scancel 4`",
    ]


def test_a_slurm_that_does_not_answer_matters_to_those_who_used_it(squeue, tmp_path):
    squeue("", code=1)
    assert slurm.jobs() == []
    (tmp_path / "run/.snakemake/slurm_logs").mkdir(parents=True)
    with pytest.raises(UserError, match=r"sent jobs to Slurm, and squeue does not answer: .* then try again"):
        slurm.jobs()
