"""Stamps of images: the same while the bytes are, whatever the clock says."""

import json
import os
import threading
from pathlib import Path

import pytest

from attx.data import manifest, stamps
from attx.data.entry import Entry
from attx.data.images import fetch
from attx.stages.manifest import ensure
from tests.data.test_manifest import picture

SPEC = {"data": {"use": "csv"}, "classes": None}


@pytest.fixture
def listed(tmp_path):
    return [Entry(f"id{i}", str(picture(tmp_path / f"{i}.png", i)), i) for i in range(3)]


@pytest.fixture
def run(tmp_path, listed, monkeypatch):
    """Plan and start a run: the digest that it plans with, and the images that it decodes."""
    decoded = []
    monkeypatch.setattr(manifest, "fetch", lambda entry, read: decoded.append(entry.image_id) or fetch(entry, read))
    made, stamped = tmp_path / "manifest.csv", tmp_path / "stamps.json"

    def once():
        decoded.clear()
        seen = stamps.see(listed, stamps.read(stamped))
        ensure(SPEC, 1, made, stamped, listed, seen)
        return stamps.digest(listed, seen), sorted(decoded)

    return once


def test_images_are_decoded_once_and_again_only_where_they_changed(run, listed, tmp_path):
    first, decoded = run()
    assert decoded == ["id0", "id1", "id2"]
    assert run() == (first, [])
    listed.append(Entry("new", str(picture(tmp_path / "new.png", 9)), 0))
    assert run()[1] == ["new"]
    assert [row.image_id for row in manifest.read(tmp_path / "manifest.csv")] == ["id0", "id1", "id2", "new"]


@pytest.mark.parametrize("time", [0, 2**33])
def test_a_touched_image_keeps_its_stamp_and_a_changed_one_does_not(run, listed, time):
    first, _ = run()
    path = Path(listed[1].path)
    os.utime(path, (time, time))
    assert run() == (first, [])
    path.write_bytes(path.read_bytes()[:-1] + b"\1")  # of the same size: a bit of the checksum at its end
    os.utime(path, (time, time + 1))
    changed, decoded = run()
    assert changed != first
    assert decoded == ["id1"]
    assert run() == (changed, [])


def test_stamps_are_in_the_order_of_the_listing(listed):
    for order in (listed, listed[::-1], [*listed, listed[0]]):
        assert list(stamps.see(order, {})) == list(dict.fromkeys(entry.path for entry in order))


def test_a_replaced_image_of_the_same_size_and_time_is_seen(run, listed):
    first, _ = run()
    assert run() == (first, [])  # by now with its bytes' digest
    path = Path(listed[1].path)
    before = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # within one tick of a coarse clock
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    changed, decoded = run()
    assert changed != first
    assert decoded == ["id1"]
    assert run() == (changed, [])


def test_stamps_of_before_changes_were_noted_are_kept(run, tmp_path):
    first, _ = run()
    kept = json.loads((tmp_path / "stamps.json").read_text())
    (tmp_path / "stamps.json").write_text(json.dumps({path: values[:4] for path, values in kept.items()}))
    assert run() == (first, [])


def test_what_is_lost_is_made_again(run, tmp_path):
    first, _ = run()
    for name in ("manifest.csv", "stamps.json"):
        (tmp_path / name).unlink()
        assert run()[0] == first
        assert (tmp_path / name).exists()
    (tmp_path / "manifest.csv").write_text("image_id,path,sha256,label\nid0,a.png,0,1\n")
    assert run()[0] == first
    (tmp_path / "stamps.json").write_text('{"a": 3}')
    assert run() == (first, ["id0", "id1", "id2"])


def test_what_is_no_file_has_no_stamp(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    seen = []
    entries = [Entry(name, str(tmp_path / name), 0) for name in ("pipe", "missing", ".")]
    watch = threading.Thread(target=lambda: seen.append(stamps.see(entries, {})), daemon=True)
    watch.start()
    watch.join(300)  # a pipe that was opened would wait for ever
    assert seen == [{}]
