"""The whole workflow on 50,000 tiny images with a model that takes no time: `python -m benchmarks.big`.

What is measured is everything but the model: planning, scheduling, starting jobs, memory, files. One model, three
methods, insertion and deletion, a table and a figure, in a scratch folder that is left for a look; images that are
there already are kept. Linux alone. Needs the project's own installation.
"""

import argparse
import os
import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from benchmarks.watched import snakemake

ROOT = Path(__file__).parents[1]
SIDE, CLASSES = 32, 10
MODEL = '''"""A model of one layer."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 10)

    def forward(self, images):
        return self.head(images.mean((2, 3)))
'''
CONFIG = {
    "results": "results",
    "data": {"big": {"use": "folder", "root": "images"}},
    "models": {"net": {"use": "python", "function": "stub:Net", "size": SIDE, "classes": CLASSES}},
    "methods": {"integrated_gradients": {"steps": 2}, "saliency_map": {}, "random": {}},
    "metrics": {"insertion_deletion": {}},
    "figures": {"curves": {}},
}


def main() -> None:
    """Make the folder, plan, run, plan again, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "attx-big")
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="KEY=NUMBER", help="of the config, such as shard_size=500"
    )
    parser.add_argument("--out", type=Path, help="write the table there as well")
    given = parser.parse_args()
    settings = {key: int(value) for key, _, value in (one.partition("=") for one in given.set)}
    make(given.folder, given.images, CONFIG | settings)
    text = report(given.folder, given.images, given.cores, settings)
    print(text)
    if given.out:
        given.out.write_text(text)


def make(folder: Path, images: int, config: dict) -> None:
    """A copy of the sources without results, the model, the config, and the images where there are not so many."""
    for part in ("results", ".snakemake", "attx", "attx_kernels", "workflow", "profiles"):
        shutil.rmtree(folder / part, ignore_errors=True)
    for source, part in (("attx", "attx"), ("kernels", "attx_kernels"), ("workflow",) * 2, ("profiles",) * 2):
        shutil.copytree(ROOT / source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "stub.py").write_text(MODEL)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    rng = np.random.default_rng(0)
    held = {path.name for path in folder.glob("images/*/*.png")}
    wanted = {f"{number:06d}.png" for number in range(images)}
    for name in held - wanted:
        next(folder.glob(f"images/*/{name}")).unlink()
    for name in sorted(wanted - held):
        path = folder / f"images/c{int(name[:6]) % CLASSES}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(path, compress_level=1)


def jobs(text: str) -> dict[str, int]:
    """Jobs by rule, as Snakemake's table of them says."""
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)}


def files(folder: Path) -> tuple[Counter, Counter]:
    """How many files and folders there are of each sort beside the images, and their bytes."""
    count, size = Counter(), Counter()
    for path in [*folder.glob("results/**/*"), *folder.glob(".snakemake/**/*")]:
        top = path.relative_to(folder).parts
        sort = "folders" if path.is_dir() else "logs" if top[1] == "logs" else top[0]
        count[sort] += 1
        size[sort] += 0 if path.is_dir() else path.stat().st_size
    return count, size


def report(folder: Path, images: int, cores: int, settings: dict) -> str:
    """Plan, run, plan again, add an image and plan: all numbers as Markdown."""
    dry = ("--cores", str(cores), "--dry-run", "--quiet", "rules")
    first, planned = snakemake(folder, *dry)
    run, _ = snakemake(folder, "--cores", str(cores))
    count, size = files(folder)
    again, left = snakemake(folder, *dry)
    some = next(folder.glob("images/c0/*.png"))
    more = some.with_name("more.png")
    more.write_bytes(some.read_bytes()[:-1] + b"\0")
    try:
        added, touched = snakemake(folder, *dry)
    finally:
        more.unlink()
    plans = {"plan of all": first, "plan when all is made": again, "plan with an image more": added}
    rows = {
        "jobs": told(jobs(planned)),
        **{k: f"{p['wall']:.1f} s, CPU {p['cpu']:.1f} s, {p['peaks'].get('Snakemake')} MiB" for k, p in plans.items()},
        "jobs left when all is made": told(jobs(left)),
        "jobs for an image more": told(jobs(touched)),
        "the run": f"{run['wall'] / 60:.1f} min, CPU {run['cpu'] / 60:.1f} min",
        "peak memory, MiB": ", ".join(f"{name} {mb}" for name, mb in run["peaks"].items()),
        "files beside the images": told(count | {"total": sum(count.values())}),
        "MB": ", ".join(f"{n / 1e6:.1f} {sort}" for sort, n in size.items() if n),
    }
    said = "".join(f", `{key}: {value}`" for key, value in settings.items())
    head = (
        f"{images} images of {SIDE} x {SIDE} pixels, one model of one layer, three methods, insertion and deletion, a "
        f"table and a figure; cores: {cores}{said}. `make big` makes this page."
    )
    return "\n".join(
        ["# A big run", "", head, "", "| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in rows.items()), ""]
    )


def told(counts: dict[str, int]) -> str:
    """The total, and of what."""
    parts = [f"{number} {name}" for name, number in counts.items() if name not in ("all", "total")]
    return f"{counts.get('total', 0)}" + (f": {', '.join(parts)}" if parts else "")


if __name__ == "__main__":
    main()
