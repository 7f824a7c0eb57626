"""What jobs ask for: memory, time, GPUs. Nothing is made again for these."""

from attx import resources as estimates
from attx.plan import saved

PLANNED = clearly(saved.read, cfg)
ESTIMATED = {}  # jobs that differ by their shard alone ask for the same


def asks(kind, stage, methods=(), **more):
    """The resource `mem_mb` or `runtime` of a rule: twice as much with each attempt."""

    def resource(wildcards, attempt):
        key = (stage, *methods, *more.items(), *(item for item in wildcards.items() if item[0] != "shard"))
        if key not in ESTIMATED:
            spec = slice_of(stage, wildcards, methods, **more)
            shards = SHARDS.get(dict(wildcards.items()).get("data"), {})
            largest = max(map(len, shards.values()), default=0)
            images = largest * (len(paths.parts(spec)) if "parts" in spec else 1)
            ESTIMATED[key] = estimates.needed(cfg, PLANNED, stage, spec, images, bool(GPU))
        return estimates.attempted(ESTIMATED[key][kind], attempt)

    return resource
