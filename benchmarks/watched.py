"""Snakemake in a folder, with its time and the memory of its jobs. Linux alone."""

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil


class Watch(threading.Thread):
    """Peaks of resident memory in MiB, by stage of the jobs, and of Snakemake itself, while a run goes on."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root, self.peaks, self.over = psutil.Process(root), {}, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.2):
            try:
                self._see(self.root, "Snakemake")
                for process in self.root.children(recursive=True):
                    command = process.cmdline()
                    if command[1:3] == ["-m", "attx"]:
                        self._see(process, command[3])
            except (psutil.Error, FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile

    def _see(self, process: psutil.Process, name: str) -> None:
        peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
        if peak:
            self.peaks[name] = max(self.peaks.get(name, 0), int(peak[1]) // 1024)


def snakemake(folder: Path, *arguments: str) -> tuple[dict, str]:
    """Run Snakemake in the folder: wall and CPU seconds, of the jobs too, and peaks of memory; what it said."""
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", *arguments]
    start, before = time.perf_counter(), os.times()
    with open(folder / "said.txt", "w") as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT)
        watch = Watch(process.pid)
        watch.start()
        code = process.wait()
        watch.over.set()
        watch.join()
    after, text = os.times(), (folder / "said.txt").read_text()
    if code:
        sys.exit(text[-3000:])
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall": time.perf_counter() - start, "cpu": cpu, "peaks": watch.peaks}, text
