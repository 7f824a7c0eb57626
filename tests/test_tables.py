"""The summary against numbers worked out here, and its three written forms."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon

from attx.errors import UserError
from attx.tables import PUBLISHED, summarise, write
from attx.tables_text import caption, number

IMAGES = 9
MEANS = {"attexplore": (0.36, 0.1), "smoothgrad": (0.2, 0.05), "edges": (0.4, 0.3), "random": (0.1, 0.08)}


def fake(model="resnet50", postprocess="signed", means=MEANS, images=IMAGES, seed=0):
    draw = np.random.default_rng(seed)
    rows = [
        {
            "image_id": f"i{k}",
            "data": "sample",
            "model": model,
            "method": method,
            "postprocess": postprocess,
            "label": 1,
        }
        | {"predicted": 1, "forward_passes": 3, "backward_passes": 2, "seconds": 0.5 + k, "insertion_curve": [0.0, 1.0]}
        | {"insertion_auc": insertion + step, "deletion_auc": deletion + step * draw.random()}
        for method, (insertion, deletion) in means.items()
        for k, step in enumerate(draw.permutation(np.linspace(-0.03, 0.03, images)))
    ]
    return pd.DataFrame(rows)


def at(table, **key):
    found = table[(table[list(key)] == pd.Series(key)).all(axis=1)]
    assert len(found) == 1
    return found.iloc[0]


def test_the_caption_says_which_intervals_there_are():
    table = summarise(fake())
    for few, many, said in (
        (9, 10_000, "95% bootstrap intervals;"),
        (10_001, 20_000, "95% normal intervals;"),
        (9, 10_001, "95% bootstrap (above 10,000 images normal) intervals;"),
    ):
        images = [few] * (len(table) - 1) + [many]
        assert f"Means over the images with {said}" in caption(table.assign(images=images))


def test_means_intervals_and_costs():
    row = at(summarise(fake()), method="smoothgrad")
    assert row["images"] == row["paired_images"] == IMAGES
    assert row["insertion"] == pytest.approx(0.2)
    assert 0.18 < row["insertion_low"] < 0.2 < row["insertion_high"] < 0.22
    assert (row["forward_passes"], row["backward_passes"], row["seconds"]) == (3, 2, 4.5)


def test_differences_are_paired_by_image_within_data_model_and_postprocess():
    parts = [
        fake(model=m, postprocess=p, seed=s) for s, (m, p) in enumerate([("a", "signed"), ("a", "abs"), ("b", "abs")])
    ]
    scores = pd.concat(parts).sample(frac=1, random_state=0)
    table = summarise(scores)
    wide = scores[(scores["model"] == "a") & (scores["postprocess"] == "abs")]
    wide = wide.pivot(index="image_id", columns="method", values="deletion_auc")
    difference = wide["smoothgrad"] - wide["attexplore"]
    row = at(table, model="a", postprocess="abs", method="smoothgrad")
    assert row["deletion_difference"] == pytest.approx(difference.mean())
    assert row["deletion_difference_low"] < difference.mean() < row["deletion_difference_high"]
    assert row["deletion_p"] == pytest.approx(wilcoxon(difference).pvalue)
    # every one of nine differences has one sign: 2 / 2^9, the least of 3 tables x 3 methods x 2 scores, so times 18
    assert row["insertion_p_corrected"] == pytest.approx(18 * 2 / 2**9)
    own = at(table, model="a", postprocess="abs", method="attexplore")
    assert np.isnan(own[["insertion_difference", "insertion_p", "deletion_p_corrected"]].astype(float)).all()


def test_only_shared_images_are_paired():
    scores = fake()
    scores = scores[(scores["method"] != "smoothgrad") | (scores["image_id"] > "i2")]
    row = at(summarise(scores), method="smoothgrad")
    assert (row["images"], row["paired_images"]) == (6, 6)
    assert at(summarise(scores, reference="smoothgrad"), method="attexplore")["paired_images"] == 6


def test_notes_say_where_a_control_does_better():
    notes = summarise(fake()).set_index("method")["note"]
    assert notes["attexplore"].startswith("control random does better on deletion (.0")
    assert "control edges does better on insertion (.400 against .360)" in notes["attexplore"]
    assert notes["smoothgrad"] == "control edges does better on insertion (.400 against .200)"
    assert notes["edges"] == "a control; does better than attexplore on insertion (.400 against .360)"
    assert notes["random"].startswith("a control; does better than attexplore on deletion (.0")
    assert "insertion" not in notes["random"]


def test_published_numbers_stand_only_where_they_are_comparable():
    scores = pd.concat([fake(), fake(postprocess="absolute"), fake(model="resnet18")])
    comparable = {"published_for": ["signed"], "published_methods": ["attexplore", "smoothgrad"]}
    table = summarise(scores, **comparable)
    row = at(table, model="resnet50", method="attexplore", postprocess="signed")
    assert (row["published_insertion"], row["published_deletion"]) == (0.504, 0.033)
    assert table["published_insertion"].notna().sum() == 2  # attexplore and smoothgrad
    assert len(table) == 12
    for changed in ({"published_for": []}, {"published_methods": ["edges"]}):
        assert summarise(fake(), **comparable | changed)["published_insertion"].isna().all()


def test_published_file():
    published = pd.read_csv(PUBLISHED)
    assert len(published) == 4 * 13
    assert not published.duplicated(["model", "method"]).any()
    assert set(published["model"]) == {"inception_v3", "resnet50", "vgg16", "maxvit_t"}
    assert published[["insertion", "deletion"]].gt(0).all(axis=None)
    assert published[["insertion", "deletion"]].lt(0.8).all(axis=None)


def test_other_metrics_are_summarised_too():
    scores = fake().drop(columns=["insertion_auc", "deletion_auc", "insertion_curve"]).assign(recall=0.5)
    table = summarise(scores)
    assert at(table, method="edges")["recall"] == 0.5
    assert at(table, method="edges")["recall_p"] == 1
    assert set(table["note"]) == {"a control", ""}


def test_without_the_reference_nothing_is_compared(tmp_path):
    table = summarise(fake(), reference="mfaba")
    assert table[["insertion_p", "deletion_difference"]].isna().all(axis=None)
    write(table, tmp_path / "t.csv", tmp_path / "t.md", tmp_path / "t.tex")
    assert "No differences, since mfaba is not among the methods." in (tmp_path / "t.md").read_text()


def test_written_forms(tmp_path):
    table = summarise(fake(images=12), published_for=["signed"], published_methods=["attexplore", "smoothgrad"])
    paths = [tmp_path / f"t.{kind}" for kind in ("csv", "md", "tex")]
    write(table, *paths)
    again = pd.read_csv(paths[0], keep_default_na=True).fillna({"note": ""})
    pd.testing.assert_frame_equal(again, table, check_dtype=False)
    md, tex = paths[1].read_text(), paths[2].read_text()
    row = at(table, method="smoothgrad")
    mean = f".200 [{row['insertion_low']:.2f}, {row['insertion_high']:.2f}]".replace("0.", ".")
    line = next(line for line in md.splitlines() if line.startswith("| smoothgrad"))
    assert f"| {mean} |" in line
    assert "| .277 / .023" in line
    assert "| 3 + 2 " in line
    assert "corrected by Holm for 6 comparisons" in md
    assert "no difference can reach" not in md
    assert tex.count("\\\\\n") == 1 + len(table)
    assert mean in tex
    assert "resnet50" in tex
    assert not any(file.name.startswith(".tmp") for file in tmp_path.iterdir())


def test_too_few_images_for_any_significance_is_said(tmp_path):
    write(summarise(fake(images=4)), tmp_path / "t.csv", tmp_path / "t.md", tmp_path / "t.tex")
    assert "With 4 images no difference can reach p < .05" in (tmp_path / "t.md").read_text()
    assert "With 4 images no difference can reach p $<$ .05" in (tmp_path / "t.tex").read_text()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.3591, ".359"), (-0.02, "-.020"), (1.25, "1.250"), (10.5, "10.500"), (-0.0001, ".000"), (np.nan, "")],
)
def test_number(value, text):
    assert number(value) == text


def test_bad_scores_are_refused():
    scores = fake()
    with pytest.raises(UserError, match=r"sample/resnet50/attexplore/signed: image 'i0' is there twice"):
        summarise(pd.concat([scores, scores.head(1)]))
    scores.loc[scores["method"] == "edges", "deletion_auc"] = np.nan
    with pytest.raises(UserError, match=r"sample/resnet50/edges/signed: NaN for images i0, i1"):
        summarise(scores)
    with pytest.raises(UserError, match="no scores"):
        summarise(scores.head(0))
