"""Small tables as the workflow makes them for the figures that need more than scores."""

import numpy as np
import pandas as pd

EPSILONS = [k / 255 for k in (1, 2, 4, 8, 16, 32)]
LONG = ("efficientnet_lite0", "vit_base_patch16_224.augreg_in21k", "resnet50")


def ablation(values=EPSILONS, models=LONG[:1], bases=("attexplore", "my_own_method"), images=6):
    draw, rows = np.random.default_rng(0), []
    for model in models:
        for b, base in enumerate(bases):
            for v, value in enumerate(values):
                height = 0.2 + 0.06 * b + 0.15 * np.sin(0.4 + 2 * v / len(values))
                for k in range(images):
                    row = {"image_id": f"i{k}", "data": "sample", "model": model, "method": f"{base}@x={value}"}
                    row |= {"postprocess": "signed", "base": base, "value": value}
                    row |= {"insertion_auc": height + draw.normal(0, 0.08), "deletion_auc": draw.gamma(4, 0.03)}
                    rows.append(row)
    return pd.DataFrame(rows)


def cross(models=LONG, methods=("attexplore", "random"), images=6):
    draw, rows = np.random.default_rng(0), []
    for source in models:
        for model in models:
            for method in methods:
                height = 0.2 + 0.1 * (method != "random") + 0.1 * (source == model)
                for k in range(images):
                    row = {"image_id": f"i{k}", "data": "sample", "source": source, "model": model, "method": method}
                    row |= {"postprocess": "signed", "insertion_auc": height + draw.normal(0, 0.05)}
                    rows.append(row | {"deletion_auc": draw.gamma(4, 0.03)})
    return pd.DataFrame(rows)


def trace(methods=("attexplore", "attexplore_mi"), models=LONG[:1], images=5, steps=10):
    draw, rows = np.random.default_rng(0), []
    titles = ["tabby, tabby cat", "Chesapeake Bay retriever", "class 7", "sports car, sport car", "lighthouse"]
    for model in models:
        for m, method in enumerate(methods):
            for k in range(images):
                loss = draw.uniform(0.02, 0.9)
                for step in range(steps + 1):
                    row = {"image_id": f"i{k}", "data": "sample", "model": model, "method": method, "step": step}
                    row |= {"loss": loss, "probability": np.exp(-loss), "distance": step * 1.6 / 255}
                    rows.append(row | {"title": titles[k % 5]})
                    loss += draw.gamma(2, 0.25 + 0.2 * m)
    return pd.DataFrame(rows)


def transfer(sources=LONG[:1], models=LONG, attacks=("bim", "mi", "ssa"), images=12):
    """Attack number a fools a model other than the source on all but every (a + 2)nd image; image 0 is never known."""
    rows = []
    for source in sources:
        for model in models:
            for a, attack in enumerate(attacks):
                for k in range(images):
                    fooled = source == model or (k + len(model)) % (a + 2)
                    row = {"image_id": f"i{k}", "data": "sample", "source": source, "model": model, "attack": attack}
                    row |= {"label": k, "predicted": k + (k == 0), "source_predicted": k + (k == 1)}
                    rows.append(row | {"adversarial": 500 if fooled else k, "distance": 16 / 255})
    return pd.DataFrame(rows)
