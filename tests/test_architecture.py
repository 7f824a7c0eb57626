"""Who may import whom, what loads no torch, and that the documentation names what exists."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# what each layer may import of this project, and of others beside the standard library
LAYERS = {
    "kernels": ((), {"torch", "triton", "numpy"}),
    "attx/rng.py": (("attx_kernels",), {"torch", "numpy"}),
    "attx/layers.py": (("attx.errors",), {"torch"}),
    "attx/transforms": (("attx_kernels", "attx.errors", "attx.rng"), {"torch", "numpy"}),
    "attx/gradients": (
        ("attx_kernels", "attx.errors", "attx.gradients", "attx.layers", "attx.rng", "attx.transforms"),
        {"torch", "numpy"},
    ),
    "attx/attack.py": (("attx.gradients", "attx.rng", "attx.errors"), {"torch", "numpy"}),
    "attx/models/smooth.py": (("attx.errors", "attx.models.twice"), {"torch"}),
    "attx/models/twice.py": ((), {"torch"}),
    "attx/attributional.py": (("attx.attack", "attx.errors", "attx.gradients", "attx.models.smooth"), {"torch"}),
    "attx/perturbations": (("attx.attributional", "attx.gradients"), set()),
    "attx/attacks": (("attx.attack", "attx.attacks", "attx.gradients", "attx.transforms"), {"torch", "numpy"}),
    "attx/metrics": (("attx_kernels", "attx.errors", "attx.metrics", "attx.rng"), {"torch", "numpy"}),
    "attx/trainer.py": (("attx.errors", "attx.models", "attx.training"), {"torch"}),
    "attx/training": (
        (
            *("attx.attack", "attx.errors", "attx.files", "attx.models", "attx.preprocess", "attx.rng"),
            *("attx.trainer", "attx.training", "attx.transforms"),
        ),
        {"torch"},
    ),
    "attx/attribution/attexplore.py": (("attx.registry", "attx.attack"), {"torch"}),
    "attx/figures": (
        ("attx.figures", "attx.errors", "attx.files", "attx.statistics"),
        {"numpy", "pandas", "matplotlib", "seaborn"},
    ),
    "attx/configfile.py": (("attx",), {"yaml"}),
    "attx/report": (
        (
            *(
                "attx.config",
                "attx.errors",
                "attx.figures",
                "attx.frames",
                "attx.needs",
                "attx.paths",
                "attx.predictions",
            ),
            *("attx.registry", "attx.report", "attx.tables", "attx.tables_text"),
        ),
        {"numpy", "pandas", "matplotlib", "PIL", "jinja2", "markupsafe", "yaml"},
    ),
    "attx/archive.py": (("attx.errors", "attx.files"), set()),
    "attx/frames.py": (("attx.files",), {"pandas", "pyarrow"}),
    "attx/store_facts.py": (("attx.archive", "attx.files"), set()),
    "attx/store.py": (
        ("attx.archive", "attx.errors", "attx.store_facts", "attx.store_writer"),
        {"numcodecs", "numpy", "zarr"},
    ),
    "attx/store_writer.py": (("attx.errors", "attx.files"), {"numpy", "zarr"}),
    "attx/unlock.py": (("attx.errors", "attx.registry", "attx.slurm"), {"psutil"}),
    "attx/ready.py": (("attx.errors", "attx.files"), set()),
    **{
        f"attx/{name}.py": (("attx",), set())
        for name in (
            *("checks_bounds", "config", "errors", "failures", "files", "needs", "paths", "provenance", "registry"),
            *("slices", "trust"),
        )
    },
}
# the files of a layer that are there for one package
ADAPTERS = {
    f"attx/metrics/{name}.py": {package}
    for name, package in (("infidelity", "captum"), ("sensitivity_max", "captum"), ("quantus", "quantus"))
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= named if node.module in ("attx", "attx_kernels") else {node.module}
    return found


def files(place: str) -> list[Path]:
    path = ROOT / place
    return [path] if path.suffix else sorted(path.glob("*.py"))


@pytest.mark.parametrize("place", LAYERS)
def test_imports_go_one_way(place):
    own, others = LAYERS[place]
    for path in files(place):
        for name in imports(path):
            top = name.split(".")[0]
            if top in ("attx", "attx_kernels"):
                within = place == "kernels" and top == "attx_kernels"
                assert within or any(name == o or name.startswith(o + ".") for o in own), f"{path} imports {name}"
            else:
                more = ADAPTERS.get(path.relative_to(ROOT).as_posix(), set())
                assert top in others | more or top in sys.stdlib_module_names, f"{path} imports {name}"


def test_zarr_has_one_home():
    for path in [*(ROOT / "attx").rglob("*.py"), *(ROOT / "kernels").glob("*.py")]:
        tops = {name.split(".")[0] for name in imports(path)}
        assert "zarr" not in tops or path.name in ("store.py", "store_writer.py")


@pytest.mark.parametrize(
    "statement",
    [
        "import attx",
        "import attx.config, attx.paths, attx.provenance, attx.slices",
        "import attx.data.listing, attx.data.sample, attx.data.folder, attx.data.csv, attx.data.imagenet",
        "import attx.data.digits, attx.resources",
        "import attx.cli, attx.catalogue, attx.plan.estimate, attx.report.plan, attx.failures, attx.ready, attx.unlock",
        "import attx.figures.curves, attx.figures.montage",
    ],
)
def test_what_the_snakefile_needs_loads_no_torch(statement):
    check = f"{statement}; import sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=600)


def test_the_core_runs_without_the_heavy_packages():
    heavy = ("captum", "zarr", "pandas", "timm", "torchvision", "scipy")
    block = f"import sys\nfor name in {heavy}: sys.modules[name] = None\n"
    use = (
        "import torch\nfrom attx import registry\n"
        "from attx.metrics.insertion_deletion import insertion_deletion\n"
        "model = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(12, 5))\n"
        "x, y = torch.rand(2, 3, 8, 8), torch.tensor([1, 2])\n"
        "maps = registry.load('attribution', 'attexplore').build(steps=1, copies=2)(model, x, y, [0, 1])\n"
        "assert insertion_deletion(model, x, maps, pixels_per_step=16).insertion_auc.shape == (2,)\n"
    )
    subprocess.run([sys.executable, "-c", block + use], check=True, timeout=600)


def test_every_module_says_what_it_is():
    for path in [*(ROOT / "attx").rglob("*.py"), *(ROOT / "kernels").glob("*.py")]:
        text = path.read_text()
        assert not text or ast.get_docstring(ast.parse(text)), path


def test_links_in_the_documentation_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#: ]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_snakemakes_lint_finds_nothing_but_one_environment_for_all_rules():
    command = [sys.executable, "-m", "snakemake", "--configfile", "config.yaml", "--lint"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert "Lints for" in done.stderr
    # `make` installs one locked environment for all rules
    assert set(re.findall(r"^    \* (.*)", done.stderr, re.MULTILINE)) == {
        "Specify a conda environment or container for each rule.:"
    }
