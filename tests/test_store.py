"""The store: what is written is read; what is damaged, missing or not finite is refused in one message."""

import numpy as np
import pytest
import zarr
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


def test_every_flipped_byte_of_the_data_is_noticed(tmp_path, content):
    path = tmp_path / "x.zarr.zip"
    store.write(path, content)
    whole = path.read_bytes()
    start = whole.index(b"attribution/c/0/0/0/0") + 40
    for position in range(start, start + content.attributions.nbytes // 2, 97):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="is damaged"):
            store.read(path)


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


def test_a_failed_write_leaves_what_stood_there(tmp_path, content):
    path = tmp_path / "x.zarr.zip"
    store.write(path, content)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        store.write(path, content._replace(attributes={"a": object()}))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.zarr.zip"]
