"""A config file read as data alone: it may come from others. No torch.

Snakemake would run what stands in a file with the key `__use_yte__`, a template whose expressions are Python, as it
reads it. So `make` has a file checked before Snakemake sees it: `python -m attx check`.
"""

import json
import sys
from collections import Counter
from numbers import Real
from pathlib import Path

import yaml

from attx.errors import UserError, printable

TEMPLATE = "__use_yte__"
LARGEST = 2**24  # bytes of a file
MOST = 10**6  # values and characters, those of YAML's aliases counted as often as they stand for something
DEEPEST = 40
INTEGER = 2**63


def run(*, configfile: str, quiet: bool) -> None:
    """Check a config file as a run does, without running anything of it."""
    from attx.config import Config

    config = Config.of(read(configfile))
    if not quiet:
        print(f"{configfile}: {len(config.models)} models, {len(config.methods)} methods, no mistake found")


def read(path: str | Path) -> dict:
    """The mapping in a YAML or JSON file, as Snakemake reads it but for templates; UserError if it is none."""
    try:
        with open(path, "rb") as handle:
            data = handle.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UserError(f"is larger than {LARGEST >> 20} MiB, and no config")
        raw = _parsed(data.decode("utf-8"))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except RecursionError as error:
        raise UserError(f"{path}: is nested too deeply for a config") from error
    if not isinstance(raw, dict):
        raise UserError(f"{path}: is no configuration, which is a mapping such as `data: {{...}}`")
    if TEMPLATE in raw:
        raise UserError(f"{path}: {TEMPLATE} makes it a template that runs Python: write what it gives in its place")
    return raw


def _parsed(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except ValueError:
        return _Loader(text).get_single_data()


def _once(pairs: list[tuple[str, object]]) -> dict:
    """A mapping in JSON; UserError for a key that it has twice, of which json keeps the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise UserError(f"the key `{twice}` is written twice: remove one")
    return found


class _Loader(yaml.SafeLoader):
    """Refuses keys that a mapping has twice, of which YAML's own keeps the last."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node, known = super().compose_mapping_node(anchor), set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if (key.tag, key.value) in known:
                line = key.start_mark.line + 1
                raise UserError(f"the key `{key.value}` is written twice, the second time in line {line}: remove one")
            known.add((key.tag, key.value))
        return node


def refuse(paths: list[str]) -> None:
    """End the program with one message if any of the files is no config; the Snakefile's way to `read`."""
    try:
        for path in paths:
            read(path)
    except UserError as error:
        sys.exit(f"error: {printable(error)}")


def check_extent(raw: object) -> None:
    """UserError if a parsed config is endless, far too large or too deep, or holds more than words and numbers.

    YAML's aliases make values that contain each other, of which a few lines stand for more than any memory holds.
    """
    size, _ = _measure(raw, 0, {})
    if size > MOST:
        raise UserError(f"config: it stands for more than {MOST} values and characters: does it repeat aliases?")


def _measure(value: object, depth: int, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """How many values and characters, and how many levels, a value has; each object is looked at once."""
    if not isinstance(value, (dict, list, tuple)):
        return _single(value), 0
    if id(value) not in known:
        known[id(value)] = None
        parts = value if not isinstance(value, dict) else [*value.keys(), *value.values()]
        found = [_measure(part, depth + 1, known) for part in parts] if depth < DEEPEST else [(0, DEEPEST)]
        known[id(value)] = 1 + sum(size for size, _ in found), 1 + max((levels for _, levels in found), default=0)
    found = known[id(value)]
    if found is None or found[1] > DEEPEST:
        raise UserError(f"config: it is nested deeper than {DEEPEST} levels, or within itself")
    return found


def _single(value: object) -> int:
    if isinstance(value, str):
        return 1 + len(value)
    if value is not None and not isinstance(value, Real):
        raise UserError(f"config: {value!r} is a {type(value).__name__}, neither a word nor a number: put it in quotes")
    if isinstance(value, int) and abs(value) >= INTEGER:
        raise UserError("config: a whole number in it is beyond 64 bits")
    return 1
