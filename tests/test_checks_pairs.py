"""What is wrong with metrics that compare maps, and with their figures, is told before anything runs."""

import copy

import pytest

from attx.config import Config
from attx.errors import UserError

CONFIG = {
    "data": {"digits": {}},
    "training": {"nat": {"size": 16}},
    "models": {"net": {"use": "trained", "training": "nat"}},
    "methods": {
        "smoothgrad": {},
        "saliency_gradient": {},
        "both": {"use": "attens", "of": ["smoothgrad", "saliency_gradient"]},
    },
    "perturbations": {"random_sign": {"k": 20}, "topk": {"k": 20, "epsilon": 0.1}},
    "metrics": {"areas": {"use": "insertion_deletion"}, "robustness": {"k": 20}, "seed_stability": {"k": 20}},
    "figures": {"robustness_curves": {}, "top_pixels": {"k": 20}},
}


def changed(path: str, value: object) -> dict:
    config = copy.deepcopy(CONFIG)
    *keys, last = path.split("/")
    place = config
    for key in keys:
        place = place.setdefault(key, {})
    place[last] = value
    return config


def test_figures_take_the_metric_that_has_perturbed_images():
    config = Config.of(CONFIG)
    assert config.source("robustness_curves")["metric"] == "robustness"
    assert config.judged("robustness")["methods"] == ["smoothgrad", "saliency_gradient"]
    assert config.judged("areas")["methods"] == ["smoothgrad", "saliency_gradient", "both"]


def test_a_picture_shows_what_its_metric_compares():
    config = changed("metrics/robustness", {"k": 20, "perturbations": ["topk"], "methods": ["saliency_gradient"]})
    source = Config.of(config).source("top_pixels")
    assert (source["perturbations"], source["methods"], source["models"]) == (["topk"], ["saliency_gradient"], ["net"])


def test_each_perturbation_at_each_epsilon():
    config = Config.of(changed("metrics/robustness/epsilons", ["8/255", 0.1]))
    own = 8 / 255
    labels = {"random_sign": own, "random_sign@epsilon=0.1": 0.1, "topk@epsilon=0.0313725": own, "topk": 0.1}
    assert {label: variant.value for label, variant in config.perturbed("robustness").items()} == labels
    assert config.perturbation("topk@epsilon=0.0313725") == {
        **{"use": "topk", "k": 20, "epsilon": own, "seed": 3407, "batch_size": "auto"},
    }
    shown = config.strongest(metric="robustness", perturbations=["topk", "random_sign"])
    assert shown == {"topk": ("topk", 0.1), "random_sign@epsilon=0.1": ("random_sign", 0.1)}


def test_other_seeds_are_of_methods_that_draw():
    config = Config.of(CONFIG)
    assert config.seeds("seed_stability") == {
        "smoothgrad": ["smoothgrad@seed=1", "smoothgrad@seed=2"],
        "saliency_gradient": ["saliency_gradient"],
    }
    assert config.method("smoothgrad@seed=2") == {"use": "smoothgrad", "seed": 2, "batch_size": "auto"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("metrics/robustness/windows", [2], r"metrics.robustness.windows: \[2\] must be a list of odd numbers"),
        ("metrics/robustness/windows", ["3"], "must be a list of odd numbers"),
        ("metrics/robustness/epsilons", ["abc"], "epsilons: .'abc'. must be a list of numbers above 0"),
        ("metrics/robustness/epsilons", [-0.1], "must be a list of numbers above 0"),
        ("metrics/robustness/k", 0, "metrics.robustness.k: 0 must be 1 at least"),
        ("metrics/robustness/k", 257, "metrics.robustness.k: 257 pixels are more than a map of net has, 16 x 16"),
        ("metrics/robustness", {}, "metrics.robustness.k: 1000 pixels are more"),
        ("perturbations/topk/k", 300, "perturbations.topk.k: 300 pixels are more"),
        ("metrics/robustness/pool", -1, "metrics.robustness.pool: -1 must be 1 at least"),
        ("metrics/robustness/scores", ["spaerman"], "scores: unknown score 'spaerman'; did you mean 'spearman'"),
        ("metrics/robustness/scores", ["lens_recall_at_k_w5"], "did you mean 'lens_recall_at_k_w3'"),
        ("metrics/robustness/perturbations", ["topkk"], "unknown perturbation 'topkk'; did you mean 'topk'"),
        ("metrics/robustness/methods", ["both"], "both is made of other methods' stored maps"),
        ("metrics/seed_stability/seeds", [3407], "seeds: smoothgrad has no other seed than the run's"),
        ("metrics/seed_stability/seeds", ["a"], "must be a list of whole numbers"),
        (
            "figures/bars",
            {"metric": "robustness"},
            "robustness has several perturbations: draw it by robustness_curves",
        ),
        ("figures/robustness_bars", {"perturbation": "topkk"}, "does not compare topkk, but random_sign, topk"),
        ("figures/robustness_curves/metric", "areas", "areas perturbs no images: take a metric of `use: robustness`"),
        ("figures/top_pixels/window", 2, "figures.top_pixels.window: 2 must be an odd number"),
        ("figures/top_pixels/k", 300, "figures.top_pixels.k: 300 pixels are more"),
        (
            "figures/epsilon",
            {"use": "ablation", "metric": "robustness", "parameter": "copies", "values": [1]},
            "one by one",
        ),
        ("figures/leaderboard", {"better": {"ssim": "up"}}, "figures.leaderboard.better.ssim: unknown value 'up'"),
        ("models/net/training", "natt", "models.net.training: unknown training 'natt'; did you mean 'nat'"),
        ("models/net/weights", "w.pt", "give `training` or `weights`, not both"),
        ("training/nat/data", {"use": "digitz"}, "training.nat.data: unknown data source 'digitz'"),
    ],
)
def test_mistakes(path, value, message):
    with pytest.raises(UserError, match=message):
        Config.of(changed(path, value))


def test_no_more_images_are_shown_than_compared():
    config = changed("metrics/robustness/images", 2)
    config["figures"]["top_pixels"]["images"] = 4
    with pytest.raises(UserError, match=r"figures.top_pixels.images: 4 are more than robustness compares, 2"):
        Config.of(config)
