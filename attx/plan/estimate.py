"""`python -m attx plan`: what a run would cost, before anything runs. No torch here: models are tried in processes."""

import json
import math
import os
import shutil
import sys
from collections.abc import Iterable

from attx.config import Config
from attx.configfile import read
from attx.errors import UserError, unknown
from attx.plan import ask, jobs, saved, text
from attx.plan.jobs import Left
from attx.plan.text import MAPS

FORWARD_SHARE = 3  # forward passes alone, in the time of one with its gradient, where `--rate` gives the latter


def run(*, configfile: str, device: str | None, rates: list[str], as_json: bool, keep: bool) -> None:
    """Plan the run of a config file, and print it as text or as JSON; `keep` it with the results as well."""
    config = Config.of(read(configfile))
    given = _rates(rates, config)
    device = device or config.device
    print("asking Snakemake what is left to do", file=sys.stderr, flush=True)
    left = jobs.left(config, configfile)
    plan = estimate(config, left, device, given) | {"configfile": configfile}
    print(json.dumps(plan, indent=1) if as_json else text.text(plan))
    if keep:
        path = saved.save(config, plan)
        print(f"kept as {path}: jobs ask a cluster for memory and time by it", file=sys.stderr)


def estimate(config: Config, left: Left, device: str, given: dict[str, float]) -> dict:
    """The whole plan, as numbers: seconds are of one job at a time, `at_once` how many a run has."""
    gpu = device != "cpu" and (device != "auto" or shutil.which("nvidia-smi") is not None)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    at_once = 1 if gpu else max(1, cores // config.threads)
    machine = config.machine()
    models = ask.models(config, left, machine | {"device": device}, at_once)
    counting = machine | {"device": device}
    counting["batch_size"] = min((found["batch_size"] for found in models.values()), default=1)
    for label, found in models.items():
        found["given"] = label in given
        if found["given"]:
            both = 1 / given[label]
            found |= {"backward_seconds": both, "forward_seconds": both / FORWARD_SHARE}
    itemsize = {"float32": 4, "float64": 8}[config.dtype]
    for found in models.values():
        found["map_bytes"] = 3 * found["shape"][0] * found["shape"][1] * itemsize
    order = {label: place for place, label in enumerate([*config.methods, *config.metrics])}
    rows = _rows(left, models, ask.costs(left, models, counting, at_once))
    rows.sort(key=lambda row: (order.get(row["label"].split("@")[0], len(order)), "@" in row["label"]))  # then variants
    return {
        "results": config.results,
        "cores": cores,
        "at_once": at_once,
        **machine,
        "jobs": left.jobs,
        "images": left.images,
        "keep": sorted(data for data, spec in config.data.items() if spec.get("keep") == "correct"),
        "models": models,
        "starts": {label: left.starts.get(label, 0) for label in models},
        "rows": rows,
        "free_bytes": shutil.disk_usage(".").free,
        "machine_memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    }


def _rates(settings: Iterable[str], config: Config) -> dict[str, float]:
    """MODEL=NUMBER as given by `--rate`: images a second, forward and backward."""
    found = {}
    for setting in settings:
        label, _, number = setting.partition("=")
        if label not in config.models:
            raise UserError(f"--rate: {unknown('model', label, config.models)}")
        try:
            found[label] = float(number)
        except ValueError:
            found[label] = 0.0
        if not 0 < found[label] < float("inf"):
            raise UserError(f"--rate {setting}: give MODEL=NUMBER, images a second forward and backward")
    return found


def _rows(left: Left, models: dict[str, dict], costs: dict[tuple, dict]) -> list[dict]:
    """One row for each work: images, passes and seconds in all, bytes; without passes where the cost is not known."""
    rows = []
    for work, images in left.work.items():
        found = models[work.model]
        row = {"kind": work.kind, "label": work.label, "model": work.model, "spec": work.spec, "images": images}
        spec, shape = ask.tried(work, models)
        one = ask.KNOWN.get(work.kind) or costs[spec, shape]
        pixels = math.prod(found["shape"]) / math.prod(shape)
        if "error" in one:
            rows.append(row | {"error": one["error"]})
            continue
        back = max(found["backward_seconds"] - found["forward_seconds"], 0)
        own = pixels * one["own_seconds"]
        seconds = one["forward"] * found["forward_seconds"] + one["backward"] * back + own
        size = found["map_bytes"] if work.kind in MAPS else 2 * one["bytes"]  # in a shard and collected
        each = {"forward": one["forward"], "backward": one["backward"], "own_seconds": own, "seconds": seconds}
        rows.append(row | {key: images * value for key, value in (each | {"bytes": size}).items()})
    return rows
