"""A config is data: no code in it is run, and what is endless or absurdly large is refused before it is unfolded."""

import itertools
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from attx import configfile
from attx.cli import main
from attx.config import Config
from attx.errors import UserError

ROOT = Path(__file__).parents[2]
TINY = yaml.safe_load((ROOT / "config/tiny.yaml").read_text())
LAUGHS = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else 'ha'] * 9)}]\n" for i in range(12))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of one's own, in which nothing may appear."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


CODE = {
    "template": '__use_yte__: true\n?open("harmed", "w"): 1\n',
    "definition": '__use_yte__: true\n__definitions__: ["open(\\"harmed\\", \\"w\\")"]\n',
    "call": '!!python/object/apply:os.system ["touch harmed"]\n',
    "name": "data: !!python/name:os.system\n",
}


@pytest.mark.parametrize("text", CODE.values(), ids=CODE)
def test_no_code_in_a_config_is_run(text, folder, capsys):
    (folder / "c.yaml").write_text(text)
    assert main(["check", "--configfile", "c.yaml"]) == main(["plan", "--configfile", "c.yaml"]) == 2
    assert capsys.readouterr().err.count("error: c.yaml: ") == 2
    assert not (folder / "harmed").exists()


def test_make_checks_a_config_before_snakemake_reads_it(folder):
    (folder / "c.yaml").write_text(CODE["template"])
    (folder / "bin").mkdir()
    (folder / "bin/python").symlink_to(Path(os.sys.executable))
    (folder / "bin/snakemake").write_text("#!/bin/sh\ntouch harmed\n")
    (folder / "bin/snakemake").chmod(0o755)
    for target in ("run", "dry"):
        command = ["make", "-f", ROOT / "Makefile", target, "CONFIG=c.yaml", "BIN=bin", "READY="]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
        assert done.returncode
        assert "makes it a template that runs Python" in done.stderr
    assert not (folder / "harmed").exists()


BAD = {
    "laughs": (LAUGHS, "stands for more than"),
    "text": ("a: &a " + "ha" * 10**5 + "\nb: [" + "*a, " * 10 + "]", "stands for more than"),
    "itself": ("a: &a [*a]", "within itself"),
    "chain": ("a0: &a0 [1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 60)), "nested deeper"),
    "deep": ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    "flow": ('{"a": ' + "[" * 10**5 + "]" * 10**5 + "}", "nested too deeply"),
    "digits": ("seed: " + "9" * 5000, "cannot be read"),
    "integer": (f"seed: {2**64}", "beyond 64 bits"),
    "date": ("note: 2024-01-01", "a date, neither a word nor a number"),
    "bytes": ("note: !!binary aGE=", "a bytes, neither"),
    "latin": (b"note: \xff", "cannot be read"),
    "list": ("- 1", "is no configuration"),
    "nothing": ("", "is no configuration"),
    "large": ("#" * (configfile.LARGEST + 1), "larger than 16 MiB"),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_absurd_configs_are_one_error(text, words, folder):
    (folder / "c.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=words):
        Config.of(configfile.read("c.yaml"))


def test_aliases_that_repeat_little_are_fine(folder):
    (folder / "c.yaml").write_text(
        yaml.safe_dump(TINY | {"note": "x"}) + "\nperturbations: &none {}\ntraining: *none\n"
    )
    assert Config.of(configfile.read("c.yaml")).note == "x"


NAMES = (
    "../../x",
    "/etc/x",
    "a/b",
    "a b",
    "$(x)",
    "`x`",
    "a;b",
    "a'b",
    '"',
    "-x",
    ".x",
    "a\nb",
    "{x}",
    "*",
    "<b>",
    "=1",
)
FAMILIES = ("data", "models", "methods", "metrics", "figures", "postprocess", "attacks", "perturbations", "training")


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_name_files_below_the_results(family):
    for name in NAMES:
        with pytest.raises(UserError, match="a label may have letters, digits"):
            Config.of(TINY | {family: {name: {}}})


def test_results_lie_below_the_folder_where_one_runs():
    names = (
        "",
        ".",
        "..",
        "a/..",
        "../a",
        "/a",
        "a//b",
        "a/./b",
        "~",
        "$HOME",
        "a;b",
        "a\nb",
        "-a",
        "a/-b",
        ".git",
        "{a}",
    )
    for name in names:
        with pytest.raises(UserError, match="config: results"):
            Config.of(TINY | {"results": name})
    assert Config.of(TINY | {"results": "results/my run.1"}).results == "results/my run.1"


FILES = ("../errors", "../../tests/toy_models", "/etc/passwd", "__init__", "images\0", "os")


@pytest.mark.parametrize("family", FAMILIES)
def test_entries_name_files_of_their_family_alone(family):
    for use in FILES if family != "postprocess" else ():
        with pytest.raises(UserError, match="unknown"):
            Config.of(TINY | {family: {"x": {"use": use}}})


ABSURD = [
    {"threads": 10**6},
    {"device": "cuda; touch harmed"},
    {"device": "__import__('os')"},
    {"models": {"net": TINY["models"]["net"] | {"size": 10**6}}},
    {"models": {"net": TINY["models"]["net"] | {"size": 0}}},
    {"models": {"net": TINY["models"]["net"] | {"size": -224}}},
]


@pytest.mark.parametrize("change", ABSURD, ids=str)
def test_absurd_settings_are_refused_before_anything_runs(change):
    with pytest.raises(UserError, match=f"config: .*{next(iter(change))}"):
        Config.of(TINY | change)


def test_values_of_variants_name_files():
    for value, key in itertools.product(("../x", "a;b", "$(x)", "a b"), ("attack", "steps")):
        figure = {"use": "ablation", "parameter": key, "values": [value], "methods": ["attexplore"]}
        with pytest.raises(UserError, match=r"config: figures\.x"):
            Config.of(TINY | {"figures": {"x": figure}})
