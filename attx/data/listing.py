"""From a data spec (`use`, the source's parameters, `first`, `stratified`) to the list of its images, and its shards.

Nothing is decoded: this runs whenever a run is planned.
"""

import hashlib
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from attx import registry
from attx.data.entry import Entry
from attx.data.images import Read
from attx.data.select import KEYS, select
from attx.data.shards import shards
from attx.errors import CONTROL, UserError, printable

Listed = TypeVar("Listed", bound=Entry)
_contents: dict[str, str] = {}  # digests by spec


def entries(spec: dict, where: str = "data") -> list[Entry]:
    """The selected images of a spec. `keep` is left to whoever has predictions.

    `where` opens the message of the UserError for an unknown or missing key, or files that are not there.
    """
    spec = {key: value for key, value in spec.items() if key != "keep"}
    use = spec.pop("use")
    registry.check(where, spec, registry.parameters("data", use) | KEYS)
    choice = {key: spec.pop(key) for key in KEYS if key in spec}
    build = registry.load("data", use).build
    for name, parameter in inspect.signature(build).parameters.items():
        if parameter.default is parameter.empty and name not in spec:
            raise UserError(f"{where}: the key {name!r} is missing; {use} needs it")
    try:
        found = select(build(**spec), **choice)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    bad = [entry.path for entry in found if _commands(entry.image_id) or _commands(entry.path)]
    if bad:
        raise UserError(f"{where}: control characters in the names of {len(bad)} images; rename {printable(bad[0])}")
    return found


def _commands(name: str) -> bool:
    """Whether a name would do more than show in a terminal or a log."""
    return "\n" in name or bool(CONTROL.search(name))


def dealt(listed: Sequence[Listed], shard_size: int | str) -> dict[str, list[Listed]]:
    """The images of each shard, by the shard's name, in the order of the ids (see `shards`)."""
    by_id = {entry.image_id: entry for entry in listed}
    return {shard: [by_id[image_id] for image_id in ids] for shard, ids in shards(by_id, shard_size).items()}


def fingerprint(listed: Sequence[Entry]) -> str:
    """A digest of ids, paths and labels; the same for entries as planned and for the rows of a manifest."""
    text = json.dumps([[entry.image_id, entry.path, entry.label] for entry in listed])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def content(spec: str, where: str) -> str:
    """A digest of the images of a spec, given as JSON: ids, labels, and bytes as far as they are files that are there.

    `where`: see `entries`. The images of a spec are read once.
    """
    if spec not in _contents:
        _contents[spec] = _digest(entries(json.loads(spec), where))
    return _contents[spec]


def forget() -> None:
    """Have `content` read images anew."""
    _contents.clear()


def _digest(found: Sequence[Entry]) -> str:
    files = {entry.path for entry in found if Path(entry.path).is_file()}
    held = {path: _sha256(path) for path in files}
    text = json.dumps([[entry.image_id, entry.label, held.get(entry.path)] for entry in found])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def reader(use: str) -> Read | None:
    """The source's own `read`, or None where its images are files."""
    return getattr(registry.load("data", use), "read", None)


def refuses_duplicates(use: str) -> bool:
    """Whether two equal images are an error: yes, except in published benchmarks, which are used as they are."""
    return getattr(registry.load("data", use), "REFUSE_DUPLICATES", True)


def _sha256(path: str) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
