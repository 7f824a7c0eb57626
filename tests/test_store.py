"""The store: what is written is read; what is damaged, missing or not finite is refused in one message."""

import tracemalloc
import zipfile

import numpy as np
import pytest
import zarr
from zarr.codecs import ZstdCodec
from zarr.storage import ZipStore

from attx import store
from attx.errors import UserError


@pytest.fixture
def content():
    maps = np.random.default_rng(0).normal(size=(3, 3, 5, 7)).astype(np.float32)
    return store.Attributions(
        maps, ["n01/ä.jpg", "b", "c"], np.array([1, 2, 3]), {"spec": {"a": [1, None]}, "seconds": 0.5}
    )


def test_round_trip(tmp_path, content):
    path = tmp_path / "x.zarr.zip"
    store.write(path, content)
    found = store.read(path)
    assert found.attributions.dtype == np.float32
    np.testing.assert_array_equal(found.attributions, content.attributions)
    assert found.image_ids == content.image_ids
    assert found.targets.tolist() == [1, 2, 3]
    assert found.attributes == content.attributes
    some = store.read(path, ["c", "n01/ä.jpg"])
    np.testing.assert_array_equal(some.attributions, content.attributions[[2, 0]])
    assert some.targets.tolist() == [3, 1]
    assert [p.name for p in tmp_path.iterdir()] == ["x.zarr.zip"]


def test_some_images_as_far_as_they_are_there(tmp_path, content):
    store.write(tmp_path / "x.zarr.zip", content)
    with pytest.raises(UserError, match="lacks the images d"):
        store.read(tmp_path / "x.zarr.zip", ["d", "b"])
    for ids, places in ((["d", "c", "b"], [2, 1]), (["d"], [])):
        found = store.read(tmp_path / "x.zarr.zip", ids, partly=True)
        np.testing.assert_array_equal(found.attributions, content.attributions[places])
        assert found.image_ids == [content.image_ids[place] for place in places]


def test_it_is_zarr_v3_with_named_dimensions(tmp_path, content):
    store.write(tmp_path / "x.zarr.zip", content)
    with ZipStore(tmp_path / "x.zarr.zip", mode="r") as opened:
        group = zarr.open_group(opened, mode="r")
        assert group.metadata.zarr_format == 3
        assert group["attribution"].metadata.dimension_names == ("image_id", "channel", "y", "x")
        assert group["image_id"].metadata.dimension_names == ("image_id",)


def test_no_images_is_a_store_too(tmp_path, content):
    empty = store.Attributions(content.attributions[:0], [], np.array([], np.int64), {})
    store.write(tmp_path / "x.zarr.zip", empty)
    for ids in (None, []):
        assert store.read(tmp_path / "x.zarr.zip", ids).attributions.shape == (0, 3, 5, 7)


def test_nan_and_infinity_are_refused_by_name(tmp_path, content):
    content.attributions[1, 0, 0, 0] = np.nan
    content.attributions[2, 0, 0, 0] = np.inf
    with pytest.raises(UserError, match="2 of 3 images: b, c"):
        store.write(tmp_path / "x.zarr.zip", content)
    assert not list(tmp_path.iterdir())


def same(found, content):
    """Whether all that was read is what was written."""
    return (
        np.array_equal(found.attributions, content.attributions)
        and found.attributions.dtype == content.attributions.dtype
        and (found.image_ids, found.targets.tolist()) == (content.image_ids, content.targets.tolist())
        and found.attributes == content.attributes
    )


def test_a_flipped_bit_anywhere_is_told_or_changes_nothing(tmp_path):
    path, rng = tmp_path / "x.zarr.zip", np.random.default_rng(0)
    maps = np.stack([np.zeros((1, 2, 2)), rng.normal(size=(1, 2, 2))])
    content = store.Attributions(maps, ["n01/ä.jpg", "b"], np.array([1, 2]), {"seconds": 0.5})
    store.write(path, content)
    whole = path.read_bytes()
    told = unseen = 0
    for position, bit in enumerate(rng.integers(8, size=len(whole))):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << bit
        path.write_bytes(damaged)
        try:
            assert same(store.read(path), content), position
        except UserError as error:
            told += "x.zarr.zip is damaged (" in str(error) and "delete it and run again" in str(error)
        else:
            unseen += 1
    assert told + unseen == len(whole)
    assert told > 0.85 * len(whole)  # the rest are dates, modes and headers that are there twice


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rebuild(path, held):
    """A zip of these members, with right CRCs."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in held.items():
            archive.writestr(name, data)


def test_a_missing_or_foreign_member_is_told(tmp_path, content):
    path = tmp_path / "x.zarr.zip"
    content.attributions[1] = 0  # as a chunk that is missing would be read
    store.write(path, content)
    held = members(path)
    assert len(held) == 4 + 2 + 3
    for name in held:
        rebuild(path, {key: data for key, data in held.items() if key != name})
        with pytest.raises(UserError, match="is damaged"):
            store.read(path)
    for foreign in ("attribution/c/3/0/0/0", "other/zarr.json", "../up"):
        rebuild(path, held | {foreign: b"{}"})
        with pytest.raises(UserError, match="which no store has"):
            store.read(path)
    rebuild(path, held)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("zarr.json", held["zarr.json"])
    with pytest.raises(UserError, match="twice"):
        store.read(path)
    rebuild(path, held)
    assert same(store.read(path), content)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("attribution/zarr.json", b"[3, 3, 5, 7]", b"[1000000000000, 3, 5, 7]"),
        ("attribution/zarr.json", b"[3, 3, 5, 7]", b"[3, 3, 500000, 700000]"),
        ("attribution/zarr.json", b"float32", b"float64"),
        ("attribution/zarr.json", b"zstd", b"gzip"),
        ("target/zarr.json", b"int64", b"int32"),
        ("image_id/zarr.json", b"string", b"float64"),
        ("zarr.json", b'"group"', b'"array"'),
    ],
)
def test_what_metadata_claim_is_checked_before_room_is_made(tmp_path, content, name, old, new):
    path = tmp_path / "x.zarr.zip"
    store.write(path, content)
    held = members(path)
    text = b" ".join(held[name].split()).replace(b"[ ", b"[").replace(b" ]", b"]")
    assert old in text
    rebuild(path, held | {name: text.replace(old, new)})
    with pytest.raises(UserError, match="is damaged"):
        store.read(path)


@pytest.mark.parametrize("name", ["attribution/c/1/0/0/0", "image_id/c/0", "target/c/0"])
def test_a_chunk_that_would_unpack_to_more_is_refused(tmp_path, content, name):
    path = tmp_path / "x.zarr.zip"
    store.write(path, content)
    bomb = bytes(ZstdCodec(level=3)._zstd_codec.encode(bytes(10_000_000)))
    for packed in (bomb, bomb[:4] + b"\xe0" + (10**12).to_bytes(8, "little") + bomb[9:], b"", b"PK"):
        rebuild(path, members(path) | {name: packed})
        tracemalloc.start()
        with pytest.raises(UserError, match="is damaged"):
            store.read(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
        tracemalloc.stop()


@pytest.mark.parametrize("cut", [0, 10, 2000, -1])
def test_a_truncated_or_missing_store_is_refused(tmp_path, content, cut):
    path = tmp_path / "x.zarr.zip"
    store.write(path, content)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UserError, match="is damaged"):
        store.read(path)
    path.unlink()
    with pytest.raises(UserError, match="is missing"):
        store.read(path)


def test_damage_of_an_image_that_is_not_read_does_no_harm(tmp_path, content):
    path = tmp_path / "x.zarr.zip"
    store.write(path, content)
    data = members(path)["attribution/c/1/0/0/0"]
    path.write_bytes(path.read_bytes().replace(data[20:], data[20:][::-1]))
    np.testing.assert_array_equal(store.read(path, ["c"]).attributions[0], content.attributions[2])
    with store.reading(path) as held:
        assert held.attributes == content.attributes
        with pytest.raises(UserError, match="is damaged"):
            held.maps([0, 1])


def test_in_pieces(tmp_path, content):
    paths = [tmp_path / name for name in ("x.zarr.zip", "y.zarr.zip")]
    store.write(paths[0], content)
    with store.writing(paths[1], content.image_ids, content.targets, (3, 5, 7), np.float32) as writer:
        writer.add(content.attributions[:2])
        writer.attributes |= content.attributes
        writer.add(content.attributions[2:])
    assert members(paths[0]) == members(paths[1])
    with pytest.raises(ValueError, match="2 maps of 3"), store.writing(paths[1], *content[1:3], (3, 5, 7), float) as w:
        w.add(content.attributions[:2])
    assert same(store.read(paths[1]), content)


def test_a_failed_write_leaves_what_stood_there(tmp_path, content):
    path = tmp_path / "x.zarr.zip"
    store.write(path, content)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        store.write(path, content._replace(attributes={"a": object()}))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.zarr.zip"]
