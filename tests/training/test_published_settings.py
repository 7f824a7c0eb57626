"""The configurations of published trainings are ones, and say what was published."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from attx import registry
from attx.config import Config

ROOT = Path(__file__).parents[2] / "config" / "training"
STEPS = {  # (images to learn from, steps published), by kind
    "mnist": (60_000, {"nat": 25_000, "pgd": 100_000, "ig_norm": 100_000, "ig_sum_norm": 100_000}),
    "fashion_mnist": (60_000, {"nat": 25_000, "pgd": 100_000, "ig_norm": 100_000, "ig_sum_norm": 100_000}),
    "gtsrb": (26_640, dict.fromkeys(("nat", "pgd", "ig_norm", "ig_sum_norm"), 70_001)),
    "flowers102": (1_020, dict.fromkeys(("nat", "pgd", "ig_norm", "ig_sum_norm"), 70_001)),
}


@pytest.mark.parametrize("name", STEPS)
def test_settings_are_a_config_and_of_the_published_length(name):
    config = Config.of(yaml.safe_load((ROOT / f"{name}.yaml").read_text()))
    count, published = STEPS[name]
    assert set(config.training) == set(published) == set(config.models)
    for label in config.training:
        training = registry.built("training", config.trained(label))
        steps = training.epochs * -(-count // training.batch_size)
        assert published[label] == pytest.approx(steps, rel=0.01)
        model = config.models[label]
        assert (model["net"], model.get("classes", 10)) == (training.net, training.classes)
        assert model["weights"].endswith(f"{label}/weights.safetensors")
    for label in config.perturbations:
        registry.built("perturbations", config.perturbations[label])


@pytest.mark.parametrize("name", ["gtsrb", "flowers102"])
def test_rates_of_sums_are_rates_of_means(name):
    """lr (sum of losses + decay) moves weights as lr n (mean of losses + decay / n)."""
    config = Config.of(yaml.safe_load((ROOT / f"{name}.yaml").read_text()))
    published = {"gtsrb": [0.001, 0.01, 0.001], "flowers102": [0.0001, 0.001, 0.0001]}[name]
    spec = config.training["ig_sum_norm"]
    np.testing.assert_allclose([rate for _, rate in spec["learning_rate"]], np.multiply(published, spec["batch_size"]))
    assert spec["weight_decay"] * spec["batch_size"] == pytest.approx(0.0002)
