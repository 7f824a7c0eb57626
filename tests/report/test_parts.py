"""What the page is made of: tables with numbers to sort by, pictures, the maps that a run has; nothing from afar."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from attx import registry
from attx.config import Config
from attx.figures.gallery import Gallery
from attx.predictions import Prediction
from attx.report import gallery, pictures, plan, tables
from tests.report import pages


def decoded(uri: str) -> np.ndarray:
    """The grey values of a picture, in [0, 1]."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("L")) / 255


def csv(path, **columns) -> str:
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_labels_that_look_like_numbers_or_nothing_stay_labels(tmp_path):
    found = tables.read(csv(tmp_path / "a.csv", method=["1e3", "NA", "007"], images=[1, 2, 3], note=["", "nan", ""]))
    assert found["method"].tolist() == ["1e3", "NA", "007"]
    assert found["images"].tolist() == [1, 2, 3]
    assert found["note"].tolist() == ["", "nan", ""]


def test_cells_have_their_text_a_number_and_their_interval(tmp_path):
    columns = {
        "method": ["a", "b"],
        "spearman": [-0.25, 0.5],
        "spearman_low": [-0.5, 0.25],
        "spearman_high": [0.0, 1.5],
    }
    table = tables.of_figure(csv(tmp_path / "a.csv", **columns, passes=[1234.56, 2.0]), "said")
    ((_, ((a, score, passes), (_, other, _))),) = table.blocks
    assert (table.columns, table.words) == (["method", "spearman", "passes"], [True, False, False])
    assert (a.text, a.sort) == ("a", None)
    assert (score.text, score.sort) == ("-.250 [-.50, .00]", -0.25)
    assert score.line == (0.0, 12.5, 25.0, 25.0)  # from -.5 to 1.5, in percent; 0 stands at 25
    assert other.line == (37.5, 50.0, 100.0, 25.0)
    assert (passes.text, passes.sort) == ("1235", 1235.0)


def test_a_leaderboard_has_a_block_for_each_model_and_marks_the_best(tmp_path):
    columns = {"data": ["d"] * 3, "model": ["m", "m", "n"], "postprocess": ["signed"] * 3, "method": ["a", "b", "a"]}
    board = csv(tmp_path / "a.csv", **columns, insertion=[0.5, 0.4, 0.3], best=["insertion", "", "insertion"])
    table = tables.of_figure(board, "said", ranked=True)
    assert [title for title, _ in table.blocks] == ["m, signed", "n, signed"]
    assert table.columns == ["method", "insertion"]
    assert [[row[1].best for row in rows] for _, rows in table.blocks] == [[True, False], [True]]


@pytest.mark.parametrize("signed", [True, False])
def test_maps_keep_their_values(signed):
    ramp = np.tile(np.linspace(-1 if signed else 0, 1, 64), (64, 1))
    grey = decoded(pictures.grey(ramp, signed))
    assert grey == pytest.approx((ramp + 1) / 2 if signed else ramp, abs=0.03)


def test_where_a_map_points_in_words():
    values = np.zeros((10, 20))
    values[2, 15], values[2, 16:18] = -2.0, 1.0
    assert pictures.where(values) == [81, 25, 0]
    assert pictures.where(np.zeros((4, 4))) == [50, 50, 50]


def test_fewer_images_where_they_would_take_too_many_bytes():
    found = pages.found("net")
    model = gallery.model(found, "net", pages.IDS, {i: Prediction(i, 0, 0, 1.0) for i in pages.IDS})
    sizes = [len(one["src"]) for one in model["seen"]]
    whole = sum(sizes) + sum(len(m["src"]) for method in model["methods"] for m in method["maps"] if m)
    assert gallery.fewer([model], whole) == 3
    assert gallery.fewer([model], whole - 1) == 2
    assert gallery.fewer([model], 0) == 1
    gallery.cut([model], 2)
    assert {len(model["seen"]), *(len(method["maps"]) for method in model["methods"])} == {2}


def test_the_maps_of_a_run_are_those_that_its_metrics_and_figures_make():
    raw = pages.RAW | {
        "data": {"tiny": {"use": "sample"}},
        "metrics": {
            "insertion_deletion": {"models": ["net"], "methods": ["attexplore", "random"]},
            "few": {"use": "insertion_deletion", "images": 2},
        },
        "figures": {"montage": {"images": 4, "models": ["other"], "methods": ["random"]}},
    }
    config = Config.of(raw)
    assert plan.mapped(config, "tiny") == [
        ("tiny", 10**9, {"net": ["attexplore", "random"]}),
        ("tiny@first=2", 2, {"net": ["integrated_gradients"], "other": ["attexplore", "integrated_gradients"]}),
        ("tiny", 4, {"other": ["random"]}),
    ]
    ids, entries = list("abcdefghij"), {"s0000": [], "s0001": []}
    made = {"spec": {}, "code": "", "part": "p"}
    section = plan.section(
        replace(config, gallery_images=3),
        "tiny",
        ids=ids,
        shards={"tiny": entries, "tiny@first=2": entries},
        made=lambda stage, **labels: made,
    )
    assert [group["image_ids"] for group in section["groups"]] == [ids[:3], ids[:2], ids[:3]]


def test_scores_of_perturbed_images_are_not_the_images_own():
    table = pages.scores().assign(perturbation="topk")
    assert gallery.scores("robustness", table, pages.IDS, "rise_2d") == []


def test_a_method_without_maps_of_a_model_leaves_its_place():
    found = Gallery({("net", "a"): np.zeros((4, 4, 3))}, {}, classes={"net": ["x"]})
    model = gallery.model(found, "net", ["a", "b"], {"a": Prediction("a", 0, 0, 1.0)})
    assert model["methods"] == []
    assert [bool(seen) for seen in model["seen"]] == [True, False]


def test_every_figure_has_a_caption():
    for name in registry.names("figures"):
        assert registry.constant("figures", name, "CAPTION"), name


def test_names_are_escaped_wherever_they_stand(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert text.count("onerror=") > 10  # names are there, as text
    assert not re.search(r"<img src=x|<script>window|onerror=\"", text)


def test_the_page_names_nothing_beyond_its_folder(page_file):
    text = page_file.read_text(encoding="utf-8")
    tags = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)
    named = re.findall(r'\s(?:src|href)="([^"]*)"', tags)
    assert len(named) > 10
    outside = [link for link in named if not link.startswith(("data:", "#"))]
    assert all((page_file.parent / link).exists() for link in outside)
    assert not re.search(r"url\((?!#)|@import", text)
