"""A scratch copy of the project, in which tests run Snakemake and edit what they like."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 1800  # seconds to wait for anything: on a loaded machine all takes its time
PARTS = ("attx", "kernels", "workflow", "profiles", "envs", "config", "Snakefile")


class Project:
    """The copy at `root`; its config is config/tiny.yaml until a test changes it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.results = root / "results/tiny"

    @classmethod
    def create(cls, root: Path) -> "Project":
        """Copy the sources; the test's toy models come along."""
        root.mkdir(parents=True)
        for part in PARTS:
            source = REPOSITORY / part
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, root / part, ignore=ignore) if source.is_dir() else shutil.copy(source, root)
        (root / "attx_kernels").symlink_to("kernels")
        (root / "tests").mkdir()
        shutil.copy(REPOSITORY / "tests/toy_models.py", root / "tests")
        (root / "tests/__init__.py").touch()
        return cls(root)

    def copy(self, root: Path) -> "Project":
        """A copy with all results, times and Snakemake's records."""
        subprocess.run(["cp", "-a", str(self.root), str(root)], check=True)
        return Project(root)

    def environment(self) -> dict:
        """The jobs import the copy, not the repository."""
        return os.environ | {"PYTHONPATH": str(self.root), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, *arguments: str) -> list[str]:
        """Snakemake on the tiny config."""
        return [sys.executable, "-m", "snakemake", "--configfile", "config/tiny.yaml", "--cores", "2", *arguments]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run Snakemake; stdout and stderr together."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout
        return done

    def planned(self) -> set[str]:
        """What a run would make now: "rule wildcard/wildcard...", by a dry run."""
        text = self.run("--dry-run", "--quiet", "host").stdout
        jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", text, re.MULTILINE)
        found = set()
        for rule, body in jobs:
            wildcards = re.search(r"wildcards: (.*)", body)
            values = [pair.split("=", 1)[1] for pair in wildcards[1].split(", ")] if wildcards else []
            found.add(" ".join([rule, *values]))
        return found - {"all"}

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in a source file; the text must be there."""
        file = self.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def configure(self, change) -> None:
        """Change the parsed config in place by `change(config)`."""
        file = self.root / "config/tiny.yaml"
        config = yaml.safe_load(file.read_text())
        change(config)
        file.write_text(yaml.safe_dump(config, sort_keys=False))
