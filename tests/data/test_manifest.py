"""The manifest: one error for all bad images, and a file that comes back as it was."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attx.data import manifest
from attx.data.entry import Entry
from attx.errors import UserError


def picture(path, value=0, size=(6, 5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size[::-1], 3), value, np.uint8)).save(path)
    return path


@pytest.fixture
def good(tmp_path):
    return [Entry(f"id{i}", str(picture(tmp_path / f"good{i}.png", i)), i) for i in range(3)]


def test_good_images_give_rows_with_the_digest_of_the_file(good):
    rows = manifest.check(good, 3, threads=2)
    assert [(r.image_id, r.path, r.label) for r in rows] == [(e.image_id, e.path, e.label) for e in good]
    assert rows[1].sha256 == hashlib.sha256(Path(good[1].path).read_bytes()).hexdigest()


def test_one_error_lists_every_bad_image_and_no_good_one(good, tmp_path):
    truncated = picture(tmp_path / "truncated.jpg", size=(99, 99))
    truncated.write_bytes(truncated.read_bytes()[:-50])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").touch()
    picture(tmp_path / "copy.png", 1)
    picture(tmp_path / "fine.png", 99)
    bad = {
        "truncated.jpg": ("a", 0, "truncated"),
        "text.png": ("b", 0, "not an image"),
        "empty.png": ("c", 0, "empty"),
        "missing.png": ("d", 3, "no such file; label 3 is out of range (0 to 2)"),
        "copy.png": ("e", 0, f"the same image as {good[1].path}"),
        "fine.png": ("id0", -1, "label -1 is out of range (0 to 2); the id 'id0' is used 2 times"),
    }
    entries = [*good, *(Entry(i, str(tmp_path / name), label) for name, (i, label, _) in bad.items())]
    with pytest.raises(UserError) as error:
        manifest.check(entries, 3)
    lines = str(error.value).splitlines()
    assert lines[0].startswith("7 of 9 images cannot be used")
    assert len(lines) == 8
    for name, (_, _, reason) in bad.items():
        assert any(str(tmp_path / name) + ":" in line and reason in line for line in lines)
    assert not any(good[1].path + ":" in line or good[2].path + ":" in line for line in lines)


def test_duplicates_pass_where_the_benchmark_has_them(good):
    again = [*good, Entry("again", good[0].path, 0)]
    assert len(manifest.check(again, refuse_duplicates=False)) == 4
    with pytest.raises(UserError, match="the same image as"):
        manifest.check(again)


def test_a_sources_own_reader_is_used_and_its_failure_reported():
    colours = {"a": 10, "b": 20}

    def read(entry):
        return Image.new("L", (4, 4), colours[entry.image_id])

    rows = manifest.check([Entry("a", "set#0", 0), Entry("b", "set#1", 0)], 1, read)
    assert len({row.sha256 for row in rows}) == 2
    assert manifest.image(rows[0], read).getpixel((0, 0)) == (10, 10, 10)
    with pytest.raises(UserError, match="set#2: cannot be decoded"):
        manifest.check([Entry("c", "set#2", 0)], 1, read)


def test_an_image_that_changed_since_is_noticed(good, tmp_path):
    rows = manifest.check(good)
    assert manifest.image(rows[0]).size == (6, 5)
    picture(tmp_path / "good0.png", 77)
    with pytest.raises(UserError, match=r"good0\.png: changed since"):
        manifest.image(rows[0])
    (tmp_path / "good1.png").unlink()
    with pytest.raises(UserError, match=r"good1\.png: no such file"):
        manifest.image(rows[1])


def test_the_file_comes_back_as_it_was_with_any_name(tmp_path):
    rows = [manifest.Row(f"x{c}y", f"/a{c}b.png", 7, "0" * 64) for c in [" ", ",", '"', "é", "\n", "\r\n"]]
    manifest.write(tmp_path / "manifest.csv", rows)
    assert manifest.read(tmp_path / "manifest.csv") == rows
    assert (tmp_path / "manifest.csv").read_text().splitlines()[0] == "image_id,path,sha256,label"


def test_no_images_and_undecodable_names_are_errors():
    with pytest.raises(UserError, match="no images"):
        manifest.check([])
    with pytest.raises(UserError, match="not valid UTF-8"):
        manifest.check([Entry("a\udcff", "a\udcff.png", 0)])


def test_a_data_set_of_which_no_image_is_there_is_told_in_a_line():
    entries = [Entry(str(i), f"nowhere/{i}.jpg", 0) for i in range(1000)]
    with pytest.raises(UserError, match=r"^none of the 1000 images is there; the first should be nowhere/0\.jpg$"):
        manifest.check(entries)
