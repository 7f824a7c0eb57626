"""The pages say what the code has: every name, key and default. What they show runs."""

import dataclasses
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from attx import attack, attributional, checks, config, registry, trainer
from attx.metrics.insertion_deletion import TARGETS
from attx.metrics.ranking import ORDERS
from attx.metrics.substrates import SUBSTRATES
from attx.postprocess import CHANNELS, SIGNS
from tests.workflow.project import Project

ROOT = Path(__file__).parents[1]
CONFIGURATION, METHODS, ROBUSTNESS = (
    (ROOT / f"docs/{page}.md").read_text() for page in ("configuration", "methods", "robustness")
)
SECTIONS = {"methods": "attribution"} | {
    family: family for family in ("data", "models", "training", "attacks", "perturbations", "metrics", "figures")
}
COMMON = {"attack": attack.compose, "perturbation": attributional.compose, "training": trainer.compose}


def section(heading: str) -> str:
    """The text of configuration.md below a heading."""
    return re.search(rf"^## `?{heading}`?\n(.*?)(?=^## |\Z)", CONFIGURATION, re.MULTILINE | re.DOTALL)[1]


def table(heading: str, first: str) -> dict[str, list[str]]:
    """The cells after the first, by the words in the first, of the tables that begin with the column `first`."""
    found = {}
    for block in re.findall(r"(?:^\|.*\n)+", section(heading), re.MULTILINE):
        head, _, *rows = ([cell.strip() for cell in line.strip("|").split(" |")] for line in block.splitlines())
        if head[0] == first:
            found |= {name: row[1:] for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    return found


def said(text: str) -> dict[str, object]:
    """Keys with their defaults, written `key` (default); a required key has none."""
    return {key: value(default) for key, default in re.findall(r"`(\w+)` \(([^)]*)\)", text)}


def value(text: str) -> object:
    """A default as a reader takes it: YAML, or a fraction."""
    if text == "required":
        return inspect.Parameter.empty
    above, _, below = text.partition("/")
    return int(above) / int(below) if below else yaml.safe_load(text)


def defaults(function: Callable) -> dict[str, object]:
    """The keyword-only parameters of a function with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def test_every_top_level_key_with_its_default():
    documented = table("Top level", "key")
    for field in dataclasses.fields(config.Config):
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        given = value(documented.pop(field.name)[0])
        assert given == (inspect.Parameter.empty if default is dataclasses.MISSING else default), field.name
    assert not documented


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_entry_with_its_keys_and_their_defaults(heading):
    family = SECTIONS[heading]
    documented = {name: said(cells[0]) for name, cells in table(heading, "`use`").items()}
    entry = "draw" if family == "figures" else "build"
    loaded = {name: getattr(registry.load(family, name), entry) for name in registry.names(family)}
    assert documented == {name: defaults(function) for name, function in loaded.items()}


@pytest.mark.parametrize("kind", COMMON)
def test_what_every_attack_perturbation_and_training_takes(kind):
    (line,) = re.findall(f"^Every {kind} takes .*", CONFIGURATION, re.MULTILINE)
    assert said(line) == defaults(COMMON[kind])


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_is_explained(heading):
    page = {"data": "docs/howto-data.md", "models": "docs/howto-models.md"}.get(heading)
    more = section("attacks") if heading == "methods" else ""
    text = (ROOT / page).read_text() if page else section(heading) + more
    told = text if page else re.sub(r"^\| `use` \|.*\n(?:^\|.*\n)+|^Every .* takes .*", "", text, flags=re.MULTILINE)
    for name in registry.names(SECTIONS[heading]):
        for key in registry.parameters(SECTIONS[heading], name):
            assert f"`{key}`" in told, f"{heading}.{name}.{key}"


def test_keys_that_no_file_has():
    assert {"first", "stratified", "keep"} == set(checks.SELECTION) == set(table("data", "key"))
    assert checks.JUDGED.keys() | checks.CONDITIONS.keys() <= set(table("metrics", "key"))
    assert set(checks.POSTPROCESS) == set(table("postprocess", "key"))
    assert {key for keys in checks.SOURCE.values() for key in keys} <= set(table("figures", "key"))


def test_every_choice_is_named():
    for words, text in ((SIGNS, CONFIGURATION), (CHANNELS, CONFIGURATION), (ORDERS, METHODS), (SUBSTRATES, METHODS)):
        assert all(f"`{word}`" in text for word in words)


def test_choices_of_a_config_are_those_of_the_code():
    metric, post = registry.parameters("metrics", "insertion_deletion"), checks.POSTPROCESS
    written = (metric["order"], metric["substrate"], metric["target"], post["sign"], post["channels"])
    for annotation, words in zip(written, (ORDERS, SUBSTRATES, TARGETS, SIGNS, CHANNELS), strict=True):
        assert annotation == f"Literal{list(words)}"


def test_every_method_and_attack_is_defined():
    for name in (*registry.names("attribution"), *registry.names("attacks")):
        assert f"`{name}`" in METHODS
    for name in (*registry.names("perturbations"), *registry.names("training")):
        assert f"`{name}`" in ROBUSTNESS


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def test_configurations_shown_are_valid(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my_models.py").touch()  # where a config names a function of it
    shown = [text for page in ("docs/configuration.md", "README.md") for text in blocks(page, "yaml")]
    whole, *parts = blocks("docs/robustness.md", "yaml")
    assert (len(shown), len(parts)) == (2, 3)
    for text in (*shown, whole):
        config.Config.of(yaml.safe_load(text))
    for text in parts:
        config.Config.of(yaml.safe_load(whole) | yaml.safe_load(text))


def python(code: str, **options) -> str:
    """The output of a script in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], check=True, text=True, capture_output=True, timeout=900, **options
    ).stdout


def test_the_python_of_the_readme_runs():
    (code,) = blocks("README.md", "python")
    for shown, small in {"first=2": "first=1", "copies=8": "copies=1", "steps=3": "steps=1"}.items():
        assert shown in code
        code = code.replace(shown, small)
    assert "torch.Size([2, 1, 3, 224, 224])" in python(code)


USE = """
import torch, attx
from attx.gradients.estimate import MeanGradient
from attx.transforms.mirror import Mirror
from attx.rng import Rows
from tests.toy_models import SmallCNN

model, images, labels = SmallCNN(6).double(), torch.rand(3, 3, 12, 15).double(), torch.tensor([5, 0, 2])
plain = attx.load_attack("vr", sigma=0, copies=1, steps=2).run(model, images, labels).points
assert torch.equal(plain, attx.load_attack("bim", steps=2).run(model, images, labels).points)
{attack}
{method}
assert maps.shape == images.shape and maps.abs().sum() > 0
mirrored = Mirror(0.5)(images, Rows.of(1, "abc", copies=1, step=0))
assert all(torch.equal(m, x) or torch.equal(m, x.flip(-1)) for m, x in zip(mirrored, images))
MeanGradient(2, after=(Mirror(),))(lambda x, i: model(x)[:, 0], images, Rows.of(1, "abc", copies=2, step=0))
blurred = attx.load_perturbation("blur", k=9, steps=4).run(model, images, labels)
assert (blurred.measure < 1).any()
"""


def test_the_examples_of_the_how_to_pages_run(tmp_path):
    project = Project.create(tmp_path / "project")
    pages = [(ROOT / f"docs/howto-{page}.md").read_text() for page in ("attack", "method")]
    files = re.findall(r"`(attx/\w+/\w+\.py)`[^\n]*:\n\n```python\n(.*?)```", "".join(pages), re.DOTALL)
    assert len(files) == 4
    for place, code in files:
        (project.root / place).write_text(code)
    project.edit("attx/rng.py", "    REFERENCE = 10\n", "    REFERENCE = 10\n    MIRROR = 11\n")
    attack, method = (
        next(b for b in blocks(f"docs/howto-{p}.md", "python") if "attx." in b[:40]) for p in ("attack", "method")
    )
    environment = os.environ | {"PYTHONPATH": str(project.root)}
    python(USE.format(attack=attack, method=method), cwd=project.root, env=environment)
    for page in ("attack", "method"):
        checked = "import yaml; from attx.config import Config; Config.of({base} | yaml.safe_load('''{text}'''))"
        base = {"data": {"sample": {}}, "models": {"efficientnet_lite0": {}}, "metrics": {"insertion_deletion": {}}}
        base["methods"] = {"random": {}}
        for text in blocks(f"docs/howto-{page}.md", "yaml"):
            python(checked.format(base=base, text=text), cwd=project.root, env=environment)
