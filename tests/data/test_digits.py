"""The digits are scikit-learn's, split once and for all, and listed without importing it."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from attx.data import digits, listing
from attx.errors import UserError


def test_images_and_labels_are_scikit_learns():
    theirs = load_digits()
    for entry in digits.build(split="test")[::50]:
        place = int(entry.path.split("#")[1])
        assert entry.label == theirs.target[place]
        found = np.asarray(digits.read(entry))
        assert found.dtype == np.uint8
        np.testing.assert_allclose(found / 255, theirs.images[place] / 16, atol=0.5 / 255)


def test_each_image_is_in_one_split_and_each_digit_in_both():
    train, test = (digits.build(split=split) for split in digits.SPLITS)
    assert (len(train), len(test)) == (1433, 364)
    assert {e.path for e in train} | {e.path for e in test} == {f"digits#{i}" for i in range(1797)}
    counts = np.array([[sum(e.label == d for e in part) for d in range(10)] for part in (train, test)])
    np.testing.assert_array_equal(counts[1], -(-counts.sum(0) // 5))
    assert test[7].image_id == "digits-test-0007"
    assert listing.entries({"use": "digits"}) == test


def test_an_unknown_split_is_named():
    with pytest.raises(UserError, match="did you mean 'test'"):
        digits.build(split="tests")


def test_listing_imports_no_scikit_learn():
    check = "import sys; from attx.data import digits; digits.build(); "
    check += "sys.exit(bool({'sklearn', 'torch'} & {*sys.modules}))"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=600)
