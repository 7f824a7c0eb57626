"""Peak memory of every attribution method, short and with its steps and copies doubled: `python benchmarks/memory.py`.

Each measurement is a process of its own, as jobs are: EfficientNet-Lite0, 4 images, 8 model inputs a batch, one thread.
Names of methods as arguments measure these alone. A Markdown table goes to stdout.
"""

import json
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from attx import registry  # noqa: E402, which loads no torch, so that a child's peak is its own

MODEL, IMAGES, BATCH = "efficientnet_lite0", 4, 8
DOUBLED = {"steps": 2, "attack_steps": 2, "copies": 4, "classes": 4, "side": 2}
NESTED = {"captum": {"arguments": {"n_steps": 8}}}
GIVEN = {  # the first two: no path ends before the last step
    "mfaba": {"early_stop": False},
    "agi": {"epsilon": 0.001},
    "captum": {"name": "IntegratedGradients"},
}
UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


def main(names: list[str]) -> None:
    """Print a row for each method that explains images by itself."""
    print("| method | short settings | peak, MiB | doubled, MiB | ratio | passes |\n|---|---|---|---|---|---|")
    for name in names or registry.names("attribution"):
        if registry.constant("attribution", name, "NEEDS") != "stores":
            print(row(name), flush=True)


def row(name: str) -> str:
    """A method's line of the table."""
    takes = registry.method_parameters(name, {})
    short = NESTED.get(name) or {key: number for key, number in DOUBLED.items() if key in takes}
    said = _said(short)
    once = measure(name, short)
    if isinstance(once, str):
        return f"| `{name}` | {said} | {once} | | | |"
    if not short:
        return f"| `{name}` | | {once['peak']:.0f} | | | {once['passes']} |"
    twice = measure(name, _doubled(short))
    cells = f"{once['peak']:.0f} | {twice['peak']:.0f} | {twice['peak'] / once['peak']:.2f}"
    return f"| `{name}` | {said} | {cells} | {once['passes']}, {twice['passes']} |"


def _doubled(settings: dict) -> dict:
    return {key: _doubled(value) if isinstance(value, dict) else 2 * value for key, value in settings.items()}


def _said(settings: dict) -> str:
    parts = (_said(value) if isinstance(value, dict) else f"`{key}` {value}" for key, value in settings.items())
    return ", ".join(parts)


def measure(name: str, params: dict) -> dict | str:
    """What a process of its own finds; the last line it said if it fails."""
    settings = json.dumps(params | GIVEN.get(name, {}))
    done = subprocess.run([sys.executable, __file__, "--one", name, settings], capture_output=True, text=True)
    return json.loads(done.stdout) if not done.returncode else done.stderr.strip().splitlines()[-1]


def one(name: str, params: dict) -> None:
    """Explain the images, as a job does, and print the peak and the passes."""
    import torch

    import attx
    from attx.allocator import keep_memory
    from attx.attribution.forward import counted

    keep_memory()
    torch.set_num_threads(1)
    model = attx.load_model(MODEL)
    images, labels = attx.load_images("sample", model, first=IMAGES)
    if "batch_size" in registry.method_parameters(name, params):
        params = {"batch_size": BATCH} | params
    with counted(model) as passes:
        attx.explain(model, images, labels, method=name, **params)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 2**20
    print(json.dumps({"peak": peak, "passes": f"{passes.forward}/{passes.backward}"}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(sys.argv[2], json.loads(sys.argv[3]))
    else:
        main(sys.argv[1:])
