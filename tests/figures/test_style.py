"""The look of methods, and what is written to disk."""

import re

import matplotlib as mpl
import pytest
from matplotlib.image import imread

from attx.errors import UserError
from attx.figures import bars, frame, style
from tests.figures import helpers


def test_no_two_methods_look_the_same():
    labels = [*style.METHODS, *style.CONTROLS, *(f"own_{k}" for k in range(28 - len(style.METHODS)))]
    looks = style.looks(labels)
    assert set(looks) == set(labels)
    assert len({(look.colour, look.dash) for look in looks.values()}) == len(labels)  # as lines
    assert len({(look.colour, look.marker) for look in looks.values()}) == len(labels)  # as points
    few = style.looks(["own_0", "own_1", "attexplore", "edges", "random", "smoothgrad"])
    assert len({look.colour for look in few.values()}) == 6


def test_no_method_is_left_out_however_many_there_are():
    labels = [*style.METHODS, *(f"own_{k}" for k in range(40))]
    assert set(style.looks(labels)) == set(labels)


def test_a_known_method_looks_the_same_in_any_company():
    alone = style.looks(["smoothgrad", "random"])
    together = style.looks(["zzz", *style.METHODS, "random", "aaa"])
    assert alone["smoothgrad"] == together["smoothgrad"]
    assert alone["random"] == together["random"]
    assert next(iter(together)) == "attexplore"
    assert list(together)[-3:] == ["aaa", "zzz", "random"]


def test_saved_files_are_the_same_each_time_and_print_well(tmp_path):
    for name in ("a", "b"):
        style.save(
            bars.draw(helpers.scores()), tmp_path / f"{name}.pdf", tmp_path / f"{name}.png", note="small settings"
        )
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert pdf == (tmp_path / "b.pdf").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert b"/FontFile2" in pdf  # TrueType
    assert b"/Subtype /Type3" not in pdf
    assert not re.search(rb"CreationDate", pdf)
    assert imread(tmp_path / "a.png").shape[1] == 300 * style.WIDTH


def test_a_note_stands_below_everything(tmp_path):
    figure = bars.draw(helpers.scores())
    style.save(figure, tmp_path / "a.pdf", tmp_path / "a.png", note="demonstration: small settings")
    helpers.assert_readable(figure)
    (note,) = figure.texts
    assert note.get_text() == "demonstration: small settings"
    others = [figure.legends[0].get_window_extent(), *(axis.get_tightbbox() for axis in figure.axes)]
    assert note.get_window_extent().y1 < min(box.y0 for box in others)


def test_drawing_leaves_the_callers_style_alone():
    before = dict(mpl.rcParams)
    bars.draw(helpers.scores())
    assert dict(mpl.rcParams) == before


def test_what_can_not_be_drawn_is_said():
    scores = helpers.scores()
    with pytest.raises(UserError, match="no rows"):
        frame.keep(scores.head(0), needs=[])
    with pytest.raises(UserError, match="did you mean 'insertion_auc'"):
        frame.keep(scores, needs=["insertion_aux"])
    with pytest.raises(UserError, match="unknown method 'attexplor'; did you mean 'attexplore'"):
        frame.keep(scores, needs=[], method=["attexplor"])
    assert set(frame.keep(scores, needs=[], method=["edges"], model=None)["method"]) == {"edges"}
