"""`python -m attx` in the hands of people: each mistake is told in one message that says what to do."""

import dataclasses
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from attx import registry
from attx.cli import LISTS, main
from attx.config import Config

# an installed random model of small images: no weights are read
MODEL = "tests.toy_models:small_cnn"


@pytest.fixture
def image(tmp_path, monkeypatch):
    """A picture in the folder where we run."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)).save("photo.png")
    return "photo.png"


def refused(capfd, *arguments: str) -> str:
    """What a person reads, after "error: "."""
    assert main(["explain", *arguments]) == 2
    out, err = capfd.readouterr()
    assert not out
    assert err.startswith("error: ")
    assert "Traceback" not in err
    return err.removeprefix("error: ")


def test_explain_draws_and_prints_the_prediction(image, tmp_path, capfd):
    assert main(["explain", image, "--model", MODEL, "--method", "random", "--out", "new/folder"]) == 0
    short = [f"--set={pair}" for pair in ("steps=1", "copies=1", "epsilon=8/255", "sigma=1e-2")]
    assert main(["explain", image, "--model", MODEL, "--out", "new/folder", *short]) == 0
    out = capfd.readouterr().out
    assert "photo.png: " in out
    with Image.open(tmp_path / "new/folder/photo_random.png") as drawn:
        assert min(drawn.size) > 400


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.png"], "nowhere.png: no such file"),
        (["text.png"], "text.png: not an image"),
        (["half.png"], "half.png: cannot be decoded: "),
        (["photo.png", "nowhere.png"], "nowhere.png: no such file"),
        (["photo.png", "other/photo.png"], "photo.png and other/photo.png would both be drawn to "),
        (["photo.png", "--model", "resnet5"], "unknown model 'resnet5'; did you mean 'resnet50'?"),
        (["photo.png", "--model", "own_models:make"], "'own_models' was not found"),
        (["photo.png", "--method", "atexplore"], "unknown method 'atexplore'; did you mean 'attexplore'?"),
        (["photo.png", "--set", "copie=3"], "--set: unknown key 'copie'; did you mean 'copies'?"),
        (["photo.png", "--set", "attack=sa"], "unknown attack 'sa'; did you mean 'ssa'?"),
        (["photo.png", "--set", "copies=many"], "--set.copies: 'many' is not of type int"),
        (["photo.png", "--set", "copies"], "--set copies: must be KEY=VALUE, such as copies=8"),
        (["photo.png", "--set", "copies=["], "--set copies=[: must be KEY=VALUE"),
        (["photo.png", "--device", "gpu"], "device: 'gpu' is none that torch knows; take `auto`"),
        (["photo.png", "--model", MODEL, "--target", "1000"], "--target 1000: the model's classes are 0 to 999"),
    ],
)
def test_mistakes(image, tmp_path, capfd, arguments, message):
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "half.png").write_bytes((tmp_path / image).read_bytes()[:3000])
    assert message in refused(capfd, *arguments)
    assert not list(tmp_path.glob("*_attexplore.png"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("steps=-1", "an attack needs steps >= 1, copies >= 1, epsilon >= 0"),
        ("epsilon=-0.1", "an attack needs steps >= 1, copies >= 1, epsilon >= 0"),
        ("copies=0", "copies and batch_size must be 1 at least, not 0 and 32"),
        ("batch_size=-1", "copies and batch_size must be 1 at least, not 20 and -1"),
        ("diversity_prob=1.5", "diversity needs a probability in [0, 1] and a rate above 0, not 1.5, 1.15"),
        ("diversity_rate=0", "diversity needs a probability in [0, 1] and a rate above 0, not 0.5, 0"),
        ("rho=-0.5", "rho and sigma must not be negative"),
    ],
)
def test_values_that_no_attack_takes(image, capfd, setting, message):
    assert main(["explain", image, "--model", MODEL, "--set", setting]) == 2
    assert f"error: {message}" in capfd.readouterr().err


def test_a_folder_that_cannot_be_made_is_named(image, capfd):
    assert main(["explain", image, "--model", MODEL, "--method", "random", "--out", "photo.png/below"]) == 2
    assert (
        "error: the folder photo.png/below cannot be made (Not a directory): choose another" in capfd.readouterr().err
    )


def test_no_picture_is_drawn_of_attributions_that_are_nan(image, tmp_path, capfd):
    (tmp_path / "nan_gradient.py").write_text(NAN_GRADIENT)
    assert main(["explain", image, "--model", "nan_gradient:Net", "--method", "saliency_gradient"]) == 2
    assert "error: photo.png: the attributions are NaN or infinite, nothing was drawn" in capfd.readouterr().err
    assert not list(tmp_path.glob("*_saliency_gradient.png"))


NAN_GRADIENT = """
import torch

class Net(torch.nn.Module):
    def forward(self, images):
        return images.mean((2, 3)) + (0 * images).mean().sqrt()
"""


@pytest.mark.parametrize("arguments", [[], ["explan"], ["list", "method"], ["explain"], ["weights"]])
def test_an_unknown_or_incomplete_verb_gives_the_usage(capfd, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m attx" in capfd.readouterr().err


def test_every_section_of_a_config_is_listed(capfd):
    entries = {field.name for field in dataclasses.fields(Config) if str(field.type).startswith("dict")}
    assert LISTS.keys() == entries - {"postprocess"}
    assert main(["list"]) == 0
    said = capfd.readouterr().out
    for family in LISTS.values():
        for name in registry.names(family):
            assert f"\n  {name:22}{registry.summary(family, name)}\n" in said


WAIT = """
import sys
from attx import cli
def run(spec):
    print("ready", flush=True)
    import time; time.sleep(600)
sys.modules["attx.stages.collect"] = type(sys)("collect")
sys.modules["attx.stages.collect"].run = run
sys.exit(cli.main(["collect", "--spec", "{}"]))
"""


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        (signal.SIGINT, 130, "interrupted: what was finished is kept"),
        (signal.SIGTERM, 143, "error: terminated from outside (a time limit?): what was finished is kept"),
    ],
)
def test_a_stopped_stage_says_so(sent, status, message):
    process = subprocess.Popen([sys.executable, "-c", WAIT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(sent)
    err = process.communicate(timeout=300)[1]
    assert process.returncode == status
    assert err.startswith(message)
    assert err.count("\n") == 1


def library_too_large():
    raise ImportError("libcublas.so.12: failed to map segment from shared object")


@pytest.mark.parametrize("too_much", [lambda: torch.empty(2**46), library_too_large])
def test_too_little_memory_names_the_key_to_lower(image, monkeypatch, capfd, too_much):
    monkeypatch.setattr("attx.overlay.explain", lambda *_, **__: too_much())
    assert main(["explain", str(image)]) == 2
    assert "out of memory: lower `batch_size`" in capfd.readouterr().err
