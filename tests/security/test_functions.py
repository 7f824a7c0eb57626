"""A config names functions of the user's own modules, and no others."""

import sys

import pytest

from attx import trust
from attx.config import Config
from attx.errors import UserError
from attx.models.loading import load_model

OWN = """
from pathlib import Path
from subprocess import run
from torch import nn

def make():
    return nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder where one runs, with a module of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.delitem(sys.modules, "trusted_models", raising=False)
    monkeypatch.delenv(trust.VARIABLE, raising=False)
    (tmp_path / "trusted_models.py").write_text(OWN)
    return tmp_path


HARMFUL = [
    ("subprocess:run", {"args": "touch harmed", "shell": True}),
    ("os:system", {"command": "touch harmed"}),
    ("builtins:exec", {"source": "open('harmed', 'w')"}),
    ("attx.files:write_text", {"path": "harmed", "text": ""}),
    ("attx_kernels.tune:main", {}),
    ("benchmarks.run:main", {}),
    ("tests.workflow.project:Project", {"root": "harmed"}),
    ("__main__:main", {}),
    ("torch:load", {"f": "w.pth", "weights_only": False}),
    ("numpy:save", {"file": "harmed", "arr": [1]}),
    ("trusted_models:run", {"args": "touch harmed", "shell": True}),
    ("trusted_models:Path", {}),
    ("site-packages.evil:make", {}),
    ("trusted_models:make.__globals__", {}),
    ("", {}),
]


@pytest.mark.parametrize(("function", "arguments"), HARMFUL)
def test_no_other_function_is_called(function, arguments, folder):
    with pytest.raises(UserError, match="function"):
        load_model("mine", use="python", function=function, arguments=arguments)
    assert not (folder / "harmed").exists()


def test_modules_of_an_environment_below_the_folder_are_not_ones_own(folder, monkeypatch):
    place = folder / ".venv/lib/python3/site-packages"
    place.mkdir(parents=True)
    (place / "installed_models.py").write_text(OWN)
    monkeypatch.syspath_prepend(place)
    with pytest.raises(UserError, match="is not your own code"):
        load_model("installed_models:make")
    monkeypatch.setenv(trust.VARIABLE, "other, installed_models")
    assert load_model("installed_models:make").classes == 2


def test_it_is_an_error_of_the_config_before_anything_is_imported(folder):
    (folder / "noisy.py").write_text("open('harmed', 'w')")
    raw = {"data": {"sample": {}}, "methods": {"random": {}}, "metrics": {"insertion_deletion": {}}}
    for function in ("trusted_models:make", "noisy:make"):
        Config.of(raw | {"models": {"mine": {"use": "python", "function": function}}})
    with pytest.raises(UserError, match=r"config: models.mine.function: os:system is not run"):
        Config.of(raw | {"models": {"mine": {"use": "python", "function": "os:system"}}})
    assert not (folder / "harmed").exists()


@pytest.mark.parametrize("name", ["__builtins__", "os", "Module", "NoiseTunnel", "LLMAttribution", "saliency.Saliency"])
def test_captum_gives_classes_of_attribution_alone(name):
    from attx.attribution import captum

    with pytest.raises(UserError, match="unknown captum method"):
        captum.build(name=name)


def test_quantus_gives_its_own_functions_alone():
    pytest.importorskip("quantus")
    from attx.metrics import quantus

    for name in ("__builtins__", "functions", "evaluate", "IROF"):
        with pytest.raises(UserError, match="unknown metric of Quantus"):
            quantus.build(name=name)
    for function in ("os.system", "__import__", ["os"], {"os": 1}):
        with pytest.raises(UserError, match="arguments"):
            quantus.build(name="FaithfulnessCorrelation", arguments={"perturb_func": function})


def test_ones_own_functions_are_called():
    assert load_model("trusted_models:make").classes == 2
