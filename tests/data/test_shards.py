"""Shards: stable under growth, complete, of bounded size."""

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attx.data.shards import shards
from attx.errors import UserError

ids = st.sets(st.text(max_size=6), max_size=60)


@settings(deadline=None)
@given(ids, st.integers(1, 9))
def test_every_image_is_in_exactly_one_shard(image_ids, size):
    dealt = shards(image_ids, size)
    assert sorted(chain(*dealt.values())) == sorted(image_ids)
    assert all(dealt.values())
    if 0 < len(image_ids) <= size:
        assert list(dealt) == ["s0000"]
    assert shards(sorted(image_ids, reverse=True), size) == dealt


@settings(deadline=None)
@given(ids, st.text(max_size=6), st.integers(1, 9))
def test_an_added_image_touches_its_own_shard_and_splits_one_other_at_most(image_ids, new, size):
    image_ids -= {new}
    before, after = shards(image_ids, size), shards(image_ids | {new}, size)
    home = next(name for name, members in after.items() if new in members)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    split = -(-len(image_ids) // size) < -(-(len(image_ids) + 1) // size)
    assert home in changed
    assert len(changed) <= (3 if split else 1)  # a split changes the shard that is split and the one split off


def test_shards_are_about_as_large_as_asked_for():
    for count in (1000, 1500, 2047):
        sizes = [len(members) for members in shards(map(str, range(count)), 100).values()]
        assert max(sizes) < 260
        assert 60 < count / len(sizes) <= 100


def test_the_deal_is_the_same_in_every_run():
    dealt = shards([f"imagenet_{i:02d}" for i in range(8)], 3)
    assert dealt == {
        "s0000": ["imagenet_00", "imagenet_07"],
        "s0001": ["imagenet_02", "imagenet_03", "imagenet_04", "imagenet_05", "imagenet_06"],
        "s0002": ["imagenet_01"],
    }


@pytest.mark.parametrize(("images", "number"), [(1, 1), (100, 1), (101, 2), (6400, 64), (6401, 64), (50_000, 64)])
def test_automatic_shards_are_never_many(images, number):
    sizes = [len(members) for members in shards(map(str, range(images)), "auto").values()]
    assert len(sizes) == number
    assert max(sizes) < max(260, 1.2 * images / number)


def test_an_image_more_among_many_touches_one_automatic_shard():
    ids = [str(i) for i in range(10_000)]
    before, after = shards(ids, "auto"), shards([*ids, "new"], "auto")
    assert sum(before[name] != after[name] for name in before) == 1


def test_a_size_below_one_is_an_error():
    with pytest.raises(UserError, match="shard_size"):
        shards(["a"], 0)
