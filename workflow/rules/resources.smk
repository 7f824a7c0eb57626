"""What jobs ask for: memory, time, GPUs. Nothing is made again for these."""

from attx import resources as estimates
from attx.plan import saved

PLANNED = clearly(saved.read, cfg)
ESTIMATED = {}  # jobs that differ by their shard alone ask for the same


def asks(kind, stage, methods=(), **more):
    """The resource `mem_mb` or `runtime` of a rule: twice as much with each attempt, as far as a partition has it."""

    def resource(wildcards, attempt):
        key = (stage, *methods, *more.items(), *(item for item in wildcards.items() if item[0] != "shard"))
        if key not in ESTIMATED:
            spec = slice_of(stage, wildcards, methods, **more)
            ESTIMATED[key] = estimates.needed(cfg, PLANNED, stage, spec, worked_on(spec, wildcards), bool(GPU))
        partitions = getattr(workflow.executor_settings, "partition_config", None)
        return estimates.attempted(ESTIMATED[key][kind], attempt, estimates.most(kind, partitions, bool(GPU)))

    return resource


def worked_on(spec, wildcards):
    """How many images a job works on, at most, or of how many it has the scores."""
    known = dict(wildcards.items())
    sizes = [len(shard) for shard in SHARDS.get(known.get("data"), {}).values()]
    if "shard" in known or "training" in known:
        return max(sizes, default=0)
    if "parts" in spec:
        return len(paths.parts(spec)) * max(sizes, default=0)
    images = len(spec["image_ids"]) if "image_ids" in spec else sum(sizes)
    return images * len(cfg.models) * len(cfg.methods) * len(cfg.postprocess)
