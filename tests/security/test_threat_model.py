"""Every line of docs/security.md names tests that exist, and every test of this folder stands in a line."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = re.findall(r"^\|(.*)\|$", (ROOT / "docs/security.md").read_text(), re.MULTILINE)[2:]
COUNTERPARTS = {"test_ones_own_functions_are_called", "test_the_same_parts_are_read", "test_whole_weights_are_read"}


def all_of(folder: str) -> set[str]:
    """The names of all tests in the files of a folder but this."""
    paths = [path for path in (ROOT / folder).glob("test_*.py") if path != Path(__file__)]
    return {name for path in paths for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}


def test_each_line_has_its_tests():
    assert len(TABLE) >= 20
    for line in TABLE:
        named = re.findall(r"`(test_\w+)`", line.split(" | ")[-1])
        assert named, line
        assert set(named) <= all_of("tests/security") | all_of("tests/report"), line


def test_each_test_has_its_line():
    named = set(re.findall(r"`(test_\w+)`", "\n".join(TABLE)))
    assert all_of("tests/security") - named == COUNTERPARTS  # of what is refused: that the rest is not
