"""What a run would do, from Snakemake's own dry run: the jobs that are left, and what of them takes a model's time."""

import json
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from attx.config import Config, canonical
from attx.data import listing, manifest
from attx.errors import UserError

COMMAND = re.compile(r"^Shell command: python -m attx (\w+) (.*)$", re.MULTILINE)
OPTION = re.compile(r"""--([a-z-]+) ((?:'[^']*'|"[^"]*"|[^\s'"])+)""")


@dataclass(frozen=True)
class Work:
    """What is done for an image: `kind` is method, ensemble, path, attack, perturbation, metric or stage.

    `model` is the model's label, `spec` the settings, as JSON.
    """

    kind: str
    label: str
    model: str
    spec: str = "{}"


@dataclass(frozen=True)
class Left:
    """What is left to do: jobs by stage; images by data set; for each work its images; jobs that load each model."""

    jobs: dict[str, int]
    images: dict[str, int]
    work: dict[Work, int]
    starts: dict[str, int]


def left(config: Config, configfile: str) -> Left:
    """Ask Snakemake; UserError with its words where it cannot plan."""
    commands = [(stage, dict(OPTION.findall(rest))) for stage, rest in COMMAND.findall(_dry_run(configfile))]
    count = _counter(config, {options.get("out") for _, options in commands})
    parsed = cache(lambda stage, word: _parsed(config, stage, word))
    work: Counter[Work] = Counter()
    starts: Counter[str] = Counter()
    shards: dict[tuple[str, str], int] = {}
    for stage, options in commands:
        if "weights" in options:  # the job sets a model up
            spec, found = parsed(stage, options["spec"])
            shard = _shard(options)
            number = count(*shard, options.get("shard"), tuple(spec.get("image_ids", ())))
            work.update(dict.fromkeys(found, number))
            starts[found[0].model] += 1
            shards[shard] = max(number, shards.get(shard, 0))
        elif stage == "combine":
            data, model, method, name = options["label"].split("/")
            work[Work("ensemble", method, model)] += count(data, name, None, ())
    images: Counter[str] = Counter()
    for (data, _), number in shards.items():
        images[data] += number
    jobs = Counter(stage for stage, _ in commands)
    return Left(dict(jobs), dict(images), dict(work), dict(starts))


def _shard(options: dict[str, str]) -> tuple[str, str]:
    """Data set and shard of a job, by the path of what it works on: the shard's file or adversarial images."""
    path = Path(options.get("shard") or options["adversarial"])
    return path.parts[-3 if "shard" in options else -4], path.name.split(".")[0]


def _dry_run(configfile: str) -> str:
    """What Snakemake prints of the jobs left, with their commands."""
    if not any(Path(name).is_file() for name in ("Snakefile", "workflow/Snakefile")):
        raise UserError("there is no Snakefile here: run this in the folder where attx's Snakefile is")
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--configfile", configfile]
    done = subprocess.run(
        [*command, "--printshellcmds", "--quiet", "host"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = f"{done.stdout}\n{done.stderr}".strip().splitlines()
        raise UserError("Snakemake cannot plan this:\n" + "\n".join(said[-20:]))
    return done.stdout


def _counter(config: Config, made: set[str | None]) -> Callable[..., int]:
    """A function from (data, shard, its file, ids) to a number of images: of the file if it stays, else as listed.

    `ids`: the only images that count, unless there are none.
    """
    sets = {data: config.data_set(data) for data in config.data_sets()}
    listed = {data: listing.entries(spec, f"config: data.{data}") for data, spec in sets.items()}
    dealt = {data: listing.dealt(entries, config.shard_size) for data, entries in listed.items()}

    @cache
    def count(data: str, shard: str, file: str | None, ids: tuple[str, ...]) -> int:
        if file and Path(file).is_file() and file not in made:
            held = {row.image_id for row in manifest.read(file)}
        else:
            held = {entry.image_id for entry in dealt[data][shard]}
        return len(held & set(ids) if ids else held)

    return count


def _parsed(config: Config, stage: str, word: str) -> tuple[dict, list[Work]]:
    """The slice of a job, which its command holds as a shell quotes it, and its work."""
    spec = json.loads(shlex.split(word)[0])
    return spec, list(works(config, stage, spec))


def works(config: Config, stage: str, spec: dict) -> Iterator[Work]:
    """What a job with this slice does for each of its images."""
    model = _label(config.models, spec["model"])
    if "metric" in spec:
        settings = {key: spec[key] for key in ("metric", "method", "postprocess") if key in spec}
        if "method" not in spec:  # the method is then nothing to the metric, nor is the reading of its maps
            settings.pop("postprocess")
        labels = {label: config.metric(label) for label in config.metrics}
        yield Work("metric", _label(labels, spec["metric"]), model, canonical(settings))
    elif "methods" in spec:
        for label, method in spec["methods"].items():
            yield Work("method", label, model, canonical({"method": method}))
    elif "method" in spec:
        labels = {label: config.method(label) for label in config.methods}
        yield Work("path", _label(labels, spec["method"]), model, canonical({"path": spec["method"]}))
    elif "perturbation" in spec:
        attack = spec["perturbation"]
        yield Work("perturbation", attack["use"], model, canonical({"perturbation": attack}))
    elif "attack" in spec:
        yield Work("attack", spec["attack"]["use"], model, canonical({"attack": spec["attack"]}))
    else:
        yield Work("stage", stage, model)


def _label(labels: dict[str, dict], spec: dict) -> str:
    """The label of an entry in the config, else what it uses."""
    return next((label for label, entry in labels.items() if entry == spec), spec["use"])
