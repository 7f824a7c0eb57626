"""Small scores to draw, and what makes a figure readable."""

from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.text import Text

MEANS = {"attexplore": 0.36, "integrated_gradients": 0.13, "my_own_method": 0.2, "edges": 0.33, "random": 0.12}
PASSES = {"attexplore": 220, "integrated_gradients": 50, "my_own_method": 1, "edges": 0, "random": 0}


def scores(models=("efficientnet_lite0",), readings=("signed",), methods=tuple(MEANS), images=5, points=11):
    draw = np.random.default_rng(0)
    steps, rows = np.linspace(0, 1, points), []
    for model in models:
        for method in methods:
            for reading in readings:
                for k in range(images):
                    bend = draw.uniform(0.8, 1.25) / MEANS[method]
                    row = {"image_id": f"i{k}", "data": "sample", "model": model, "method": method}
                    row |= {"postprocess": reading, "label": k, "predicted": k, "forward_passes": PASSES[method]}
                    row |= {"backward_passes": PASSES[method], "seconds": 0.01 + PASSES[method] / 40}
                    curves = {"insertion": 0.9 * steps**bend, "deletion": 0.9 * (1 - steps) ** bend}
                    row |= {f"{kind}_curve": curve for kind, curve in curves.items()}
                    row |= {f"{kind}_auc": np.trapezoid(curve, steps) for kind, curve in curves.items()}
                    rows.append(row)
    return pd.DataFrame(rows)


def assert_readable(figure: Figure) -> None:
    """No text below 6 points, none beyond the figure's edge, none upon another."""
    figure.draw_without_rendering()
    canvas = figure.bbox
    boxes = {}
    for text in _texts(figure):
        box = text.get_window_extent()
        assert text.get_fontsize() >= 6, text
        assert box.x0 >= canvas.x0 - 1, text
        assert box.x1 <= canvas.x1 + 1, text
        assert box.y0 >= canvas.y0 - 1, text
        assert box.y1 <= canvas.y1 + 1, text
        boxes[text] = box.padded(-0.5)
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        assert not a.overlaps(b), f"{one} lies upon {other}"


def _texts(figure: Figure) -> list[Text]:
    """The texts that are drawn; ticks keep labels beyond the axis that are not."""
    found = list(figure.texts)
    for legend in figure.legends:
        found += [legend.get_title(), *legend.get_texts()]
    for axes in figure.axes:
        found += [axes.title, axes._left_title, *axes.texts]
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            labels = [label for tick in ticks for label in (tick.label1, tick.label2)]
            found += [axis.label, *(label for label in labels if label.get_visible())]
    return [text for text in found if text.get_text().strip()]
