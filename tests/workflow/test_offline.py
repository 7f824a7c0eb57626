"""Jobs that compute need no network, since compute nodes may have none: only the local rule `weights` may fetch."""

import ast
import shutil
import socket
import subprocess
import sys

import pytest

from tests.workflow.project import REPOSITORY

NETWORKS = {"urllib.request", "urllib3", "http.client", "requests", "httpx", "aiohttp", "ftplib", "huggingface_hub"}
CUT = ["unshare", "--net", "--map-root-user"]  # without a network, loopback included
MADE = ("shard", "predict", "attribute", "score", "collect", "table", "figure")


def imported(path):
    """The modules, and names of modules, that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def test_one_file_fetches_and_one_stage_calls_it():
    attx = REPOSITORY / "attx"
    files = {path.relative_to(attx).as_posix(): set(imported(path)) for path in attx.rglob("*.py")}
    reaching = {path for path, names in files.items() if names & NETWORKS}
    assert reaching == {"models/weights.py", "models/timm.py"}  # timm.py: the file's address alone
    fetching = {path for path, names in files.items() if "attx.models.weights.fetch" in names}
    assert fetching == {"stages/weights.py", "overlay.py"}  # `attx explain`, which is no job
    rules = (REPOSITORY / "workflow/rules/data.smk").read_text()
    assert "localrules:\n    weights,\n" in rules


@pytest.mark.workflow
def test_jobs_run_with_the_network_cut(finished):
    if not shutil.which("unshare") or subprocess.run([*CUT, "true"], check=False, capture_output=True).returncode:
        pytest.skip("the network cannot be cut here: unshare is missing or not allowed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        reach = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)"
        assert subprocess.run([sys.executable, "-c", reach], check=False).returncode == 0
        cut = subprocess.run([*CUT, sys.executable, "-c", reach], check=False, capture_output=True)
        assert b"unreachable" in cut.stderr
    kept = (finished.results / "weights/net.json").stat().st_mtime_ns

    def fewer(config):
        config |= {"shard_size": 4, "methods": {"integrated_gradients": {"steps": 2}, "random": {}}}
        config["figures"] = {"montage": {"images": 2}}

    finished.configure(fewer)
    shutil.rmtree(finished.results / "predictions")
    jobs = finished.planned()
    assert {job.split()[0] for job in jobs} == set(MADE)
    done = subprocess.run(
        [*CUT, *finished.command()], cwd=finished.root, env=finished.environment(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert finished.planned() == set()
    assert (finished.results / "weights/net.json").stat().st_mtime_ns == kept
