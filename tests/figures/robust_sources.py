"""Small tables of comparisons of maps and of trainings, as the workflow makes them."""

import numpy as np
import pandas as pd

from attx.figures.pixels import Pixels
from tests.figures import helpers

EPSILONS = (2 / 255, 4 / 255, 8 / 255)
ATTACKS = ("random_sign", "topk", "a_long_label_of_an_attack")
MODELS = ("digits_nat", "digits_ig_sum_norm")
METHODS = ("saliency_gradient", "integrated_gradients", "random")


def comparisons(models=MODELS, methods=METHODS, attacks=ATTACKS, epsilons=EPSILONS, images=4, readings=("signed",)):
    """Rows of a metric robustness; without attacks those of seed_stability."""
    draw, rows = np.random.default_rng(0), []
    for model in models:
        for method in methods:
            for reading in readings:
                for attack in attacks or ("",):
                    for epsilon in epsilons if attacks else (0,):
                        for k in range(images):
                            same = draw.uniform(0, 1) * (1 - 10 * epsilon)
                            row = {"image_id": f"i{k}", "data": "digits", "model": model, "method": method}
                            row |= {"postprocess": reading, "label": k, "predicted": k, "forward_passes": 20}
                            row |= {"backward_passes": 20, "seconds": 0.5, "top_k_intersection": same}
                            row |= {"spearman": 2 * same - 1, "lens_recall_at_k_w5": same**0.3}
                            row |= {"lens_recall_at_k_w3": same**0.5, "center_of_mass_shift": 9 * (1 - same)}
                            row |= {"perturbation": attack, "epsilon": epsilon} if attacks else {}
                            rows.append(row)
    return pd.DataFrame(rows)


def training(kinds=("nat", "pgd", "ig_norm", "ig_sum_norm"), epochs=6, every=3):
    """Accuracy under attack each `every` epochs; the last clean one of kind number i is (350 - 7 i) / 360."""
    rows = []
    for i, kind in enumerate(kinds):
        for epoch in range(1, epochs + 1):
            clean = (350 - 7 * i - 10 * (epochs - epoch)) / 360
            attacked = (20 + 50 * i + epoch) / 360 if epoch % every == 0 else np.nan
            row = {"training": kind, "epoch": epoch, "loss": 2.5 / epoch**2 + i, "clean_accuracy": clean}
            rows.append(row | {"adversarial_accuracy": attacked, "seconds": 1.0 + i, "test_images": 360})
    return pd.DataFrame(rows)


def pixels(size=28, k=40, attacks=(("random_sign", 8 / 255), ("topk", 0.3)), methods=METHODS[:2], models=MODELS[:1]):
    draw, found = np.random.default_rng(0), []
    for model in models:
        for image in range(2):
            for method in methods:
                for name, epsilon in (("", 0.0), *attacks):
                    masks = [np.isin(np.arange(size**2), draw.choice(size**2, k, False)) for _ in range(2)]
                    masks = [mask.reshape(size, size) for mask in masks]
                    title = f"Chesapeake Bay retriever, dog number {image}"
                    picture = draw.random((size, size, 3))
                    found.append(Pixels(model, method, f"i{image}", title, name, epsilon, picture, *masks))
    return found


def leaderboard(models=MODELS[:1], methods=("saliency_gradient", "attexplore", "my_own_method", "edges", "random")):
    """Three metrics' scores; `my_own_method` has no seeds."""
    areas = helpers.scores(models, methods=methods[1:], images=4).drop(columns=["insertion_curve", "deletion_curve"])
    seeds = comparisons(models, [m for m in methods if m != "my_own_method"], attacks=())
    tables = {"areas": areas.assign(data="digits"), "seeds": seeds, "robustness": comparisons(models, methods)}
    return pd.concat([table.assign(metric=metric) for metric, table in tables.items()], ignore_index=True)
