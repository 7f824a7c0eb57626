"""Choosing images: the first, or as many of each class."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attx.data.entry import Entry
from attx.data.select import select
from attx.errors import UserError

labelled = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(0, 5), min_size=1, max_size=40)


def listed(labels):
    return [Entry(image_id, f"{image_id}.png", label) for image_id, label in labels.items()]


@settings(deadline=None)
@given(labelled, st.data())
def test_stratified_is_even_ordered_and_independent_of_the_order(labels, data):
    entries = listed(labels)
    count = data.draw(st.integers(1, len(entries)))
    chosen = select(entries, stratified=count)
    assert len(chosen) == count
    assert chosen == [entry for entry in entries if entry in chosen]
    have, took = Counter(labels.values()), Counter(entry.label for entry in chosen)
    most = max(took.values())
    assert all(took[label] >= min(most - 1, have[label]) for label in have)
    assert set(select(data.draw(st.permutations(entries)), stratified=count)) == set(chosen)


@settings(deadline=None)
@given(labelled, st.data())
def test_an_added_image_changes_at_most_one_of_the_chosen(labels, data):
    entries = listed(labels)
    count = data.draw(st.integers(1, len(entries)))
    added = Entry("new", "new.png", data.draw(st.integers(0, 6)))
    before, after = (set(select(images, stratified=count)) for images in (entries, [*entries, added]))
    assert len(before - after) <= 1


def test_first_takes_the_first_and_none_takes_all():
    entries = listed({"b": 1, "a": 0, "c": 2})
    assert select(entries, first=2) == entries[:2]
    assert select(entries) == entries


def test_a_part_is_of_what_is_chosen_as_far_as_there_is_any():
    entries = listed({"d": 1, "b": 1, "a": 0, "c": 2})
    assert select(entries, first=3, part=2) == entries[:2]
    assert select(entries, stratified=3, part=2) == select(entries, stratified=3)[:2]
    assert select(entries, part=9) == entries


@pytest.mark.parametrize("choice", [{"first": 4}, {"stratified": 4}, {"first": 0}, {"first": 1, "stratified": 1}])
def test_what_cannot_be_chosen_is_an_error(choice):
    with pytest.raises(UserError, match=r"first|stratified"):
        select(listed({"a": 0, "b": 0, "c": 1}), **choice)
