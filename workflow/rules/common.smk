"""The checked configuration, and the functions that rules share."""

import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path

from attx import paths, provenance, registry, roots, slices, sources
from attx.config import Config, canonical
from attx.data import listing, stamps
from attx.errors import UserError, printable
from attx.needs import PERTURBED, pairs
from attx.ready import ready
from attx.stages.manifest import ensure


def clearly(function, *args):
    """Call a function; what a user can mend ends the run with one message, without Snakemake's trace of the place."""
    try:
        return function(*args)
    except UserError as error:
        sys.exit(f"error: {printable(error)}")
    except KeyboardInterrupt:
        sys.exit("interrupted: no job had started")


cfg = clearly(Config.of, dict(config))

# jobs run the Python that runs Snakemake; a user's own modules lie in the folder where one runs
sys.path.append(os.getcwd())
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))
GPU = int(cfg.device != "cpu" and (cfg.device != "auto" or shutil.which("nvidia-smi") is not None))


def only(labels):
    """A wildcard's constraint: these labels alone."""
    return "|".join(map(re.escape, labels)) or "(?!)"


wildcard_constraints:
    data=only(cfg.data_sets()),
    model="[^/]+",
    training=only(cfg.training),
    perturbation="[^/]+",
    source="[^/]+",
    attack="[^/]+",
    method="[^/]+",
    postprocess="[^/]+",
    metric=only(cfg.metrics),
    figure=only(cfg.figures),
    shard=r"s\d+",
    format="[a-z]+",


def at(pattern):
    """A path pattern under this run's results folder."""
    return f"{cfg.results}/{pattern}"


def log_of(rule, pattern):
    """The log that goes with an output: same name, under logs/<rule>/."""
    return f"{cfg.results}/logs/{rule}/{pattern.split('.')[0]}.log"


def listed(data):
    """The images of a data set; braces in their paths, which would be wildcards to Snakemake, are refused."""
    found = listing.entries(cfg.data_set(data), f"config: data.{data}")
    braces = [entry.path for entry in found if set("{}") & set(entry.path)]
    if braces:
        raise UserError(f"config: data.{data}: Snakemake cannot take braces in names; rename {', '.join(braces)}")
    return found


class ByData(dict):
    """What a function gives for each data set, when it is first asked for."""

    def __init__(self, function):
        self.function = function

    def __missing__(self, data):
        return self.setdefault(data, clearly(self.function, data))


# The images of each data set, as listed now, those that are files, as they are now, and the images of each shard.
ENTRIES = ByData(listed)
STAMPS = ByData(lambda data: stamps.read(at(paths.STAMPS).format(data=data)))
SEEN = ByData(lambda data: stamps.see(ENTRIES[data], STAMPS[data]))
SHARDS = ByData(lambda data: listing.dealt(ENTRIES[data], cfg.shard_size))

# What may fail is tried now, not in input functions: where outputs of an earlier run exist, Snakemake takes these in
# silence for files that no rule makes when an input function fails. A cluster's jobs, which read this too, are spared.
if workflow.is_main_process:
    for data in cfg.data_sets():
        SHARDS[data], SEEN[data]
    for model in cfg.models:
        clearly(provenance.digest, roots.roots("weights", slices.weights(cfg, model=model)))
    clearly(slices.references, cfg, cfg.methods)
    for label in cfg.training:
        clearly(lambda: slices.train(cfg, training=label))
TRAINED = {at(paths.TRAINED).format(training=label) for label in cfg.training}
PAIRED = [label for label, metric in cfg.metrics.items() if pairs(metric["use"])]  # metrics that compare maps


def own_weights(weights):
    """The weights file that a model's spec names, if it is a path, or is made by a training of this run."""
    path = Path(str(weights)).expanduser()
    return [weights] if weights in TRAINED else [path] if path.is_file() else []


def slice_of(stage, wildcards, methods=(), **more):
    """The slice of the configuration that a job depends on; `methods`, of those that share a job."""
    if stage == "shard":
        shard = SHARDS[wildcards.data][wildcards.shard]
        data = wildcards.data  # of which a cluster's job looks at its shard's images alone
        seen = SEEN[data] if workflow.is_main_process else stamps.see(shard, STAMPS[data])
        return {
            "shard_size": cfg.shard_size,
            "entries": listing.fingerprint(shard),
            "stamps": stamps.digest(shard, seen),
        }
    if stage == "select":
        return {"models": list(cfg.models)}
    if stage in ("collect", "gather"):
        return getattr(sources, stage)(cfg, shards=SHARDS, **wildcards)
    together = {"methods": [method.format(**wildcards) for method in methods]} if methods else {}
    found = getattr(slices, stage)(cfg, **wildcards, **together, **more)
    if stage == "figure" and "images" in found:  # of a gallery: the first so many
        found["image_ids"] = first_ids(wildcards.data, found.pop("images"))
    return found


# methods made of the stored attributions of others, which need no model
COMBINED = [m for m, spec in cfg.methods.items() if registry.constant("attribution", spec["use"], "NEEDS") == "stores"]


def stored(method, together, pattern=paths.ATTRIBUTIONS):
    """The store of a method; of one that shares a job, what is there is not removed before the job."""
    path = at(pattern).replace("{method}", method)
    return update(path) if together > 1 else path


def without(labels):
    """A wildcard's constraint: all but these labels."""
    return rf"(?!(?:{only(labels)})/)[^/]+"


def bundles(name, groups):
    """Names of rules, and the methods of their jobs, out of groups of methods.

    Usually one rule for all methods. With `methods_per_job` above 1 there is one for each bundle of methods; groups are
    bundled apart, since they may be of fewer images and models. Methods are sorted, as a job finds them in its `spec`.
    """
    size = cfg.methods_per_job
    if size == 1:
        return {name: ["{method}"]}
    bundled, found = set(COMBINED), []
    for group in groups:
        labels = [label for label in group if label not in bundled]
        bundled.update(labels)
        found += [sorted(labels[i : i + size]) for i in range(0, len(labels), size)]
    return {f"{name}_{i}": labels for i, labels in enumerate(found, 1)}


def pairings():
    """Names of the rules that compare maps, each with its metric and the methods of its jobs."""
    found = {}
    for i, metric in enumerate(PAIRED, 1):
        methods = cfg.judged(metric)["methods"]
        found |= {name: (metric, labels) for name, labels in bundles(f"compare_{i}", [methods]).items()}
    return found


def members(wildcards):
    """The stores that a combined method is made of, and their scores where it chooses by them."""
    spec = slice_of("combine", wildcards)
    judge = {key: spec[key] for key in ("metric", "postprocess") if key in spec}
    each = [dict(wildcards) | judge | {"method": member} for member in spec["method"]["of"]]
    stores = [at(paths.ATTRIBUTIONS).format(**values) for values in each]
    return {"stores": stores, "scores": [at(paths.SHARD_SCORES).format(**values) for values in each] if judge else []}


def compared(metric, methods):
    """The inputs of a job that compares maps: those of the methods, and then, method by method, those beside them."""

    def stores(wildcards):
        every = dict(wildcards) | {"metric": metric}
        labels = [method.format(**every) for method in methods]
        if "perturbation" in every:
            pattern, others = at(paths.PERTURBED_ATTRIBUTIONS), labels
        else:
            seeds = cfg.seeds(metric)
            pattern, others = at(paths.ATTRIBUTIONS), [other for label in labels for other in seeds[label]]
        own = [at(paths.ATTRIBUTIONS).format(**every | {"method": label}) for label in labels]
        return {"attributions": own, "others": [pattern.format(**every | {"method": label}) for label in others]}

    return stores


def comparisons(metric, methods):
    """The outputs of such a job: for each method, for each reading, sorted as in its `spec`."""
    perturbed = pairs(cfg.metrics[metric]["use"]) == PERTURBED
    pattern = at(paths.PERTURBED_SCORES if perturbed else paths.SHARD_SCORES).replace("{metric}", metric)
    readings = sorted(cfg.judged(metric)["postprocess"])
    return [pattern.replace("{method}", m).replace("{postprocess}", r) for m in methods for r in readings]


def comparison_log(metric, methods):
    """The log of such a job, named as its first output."""
    perturbed = pairs(cfg.metrics[metric]["use"]) == PERTURBED
    log = log_of("compare", paths.PERTURBED_SCORES if perturbed else paths.SHARD_SCORES)
    first = min(cfg.judged(metric)["postprocess"])
    return log.replace("{metric}", metric).replace("{method}", methods[0]).replace("{postprocess}", first)


def first_ids(data, number):
    """The ids of the first images of a data set."""
    return [entry.image_id for entry in ENTRIES[data][:number]]


def parts(stage):
    """The input of a rule that puts parts together."""
    return lambda wildcards: paths.parts(slice_of(stage, wildcards))


def spec(stage, methods=(), **more):
    """The parameter `spec` of a rule: its slice as canonical JSON."""
    return lambda wildcards: canonical(slice_of(stage, wildcards, methods, **more))


def code(stage, methods=(), **more):
    """The parameter `code` of a rule: the digest of the modules that its job runs."""
    return lambda wildcards: digest(*roots.roots(stage, slice_of(stage, wildcards, methods, **more)))


@cache
def digest(*roots):
    return provenance.digest(roots)


def chosen(wildcards):
    """The manifest of the images that a shard's jobs work on."""
    keep = cfg.data_set(wildcards.data).get("keep", "all")
    return at(paths.SELECTED if keep == "correct" else paths.SHARD)


def figure_input(wildcards):
    """What a figure is drawn from: `NEEDS` in its file says whether the scores or a gallery of maps."""
    spec = slice_of("figure", wildcards)
    found = {"scores": [], "shards": [], "stores": [], "perturbed": [], "under": []}
    if spec["needs"] == "scores":
        return found | {"scores": at(paths.SCORES).format(data=wildcards.data, metric=spec["metric"])}
    if spec["needs"] not in ("gallery", "pixels"):
        return found | {"scores": at(paths.SOURCE)}
    data = cfg.shown(wildcards.data, wildcards.figure)
    dealt = SHARDS[data].items()
    held = [shard for shard, entries in dealt if {entry.image_id for entry in entries} & set(spec["image_ids"])]
    given = {"data": data, "model": spec["models"], "method": spec["methods"], "shard": held}
    shards, stores = (expand(pattern, **given) for pattern in (chosen(wildcards), at(paths.ATTRIBUTIONS)))
    found |= {"shards": sorted(set(shards)), "stores": stores}
    if spec["needs"] == "pixels":
        given["perturbation"] = spec["perturbations"]
        found["under"] = expand(at(paths.PERTURBED_ATTRIBUTIONS), **given)
        found["perturbed"] = expand(at(paths.PERTURBED), **given)
    return found
