"""What the page of a run is made of. Nothing is asked before `make report` asks."""

from snakemake.iocontainers import Wildcards

from attx.report import plan


def made(stage, **labels):
    """How a table or figure is made: its spec, its code and, of a table, one file of the scores behind it."""
    wildcards = Wildcards(fromdict=labels)
    found = {"spec": slice_of(stage, wildcards), "code": code(stage)(wildcards)}
    return found | ({"part": paths.parts(slice_of("collect", wildcards))[0]} if stage == "table" else {})


@cache
def page():
    """What the page shows; images listed now, as everywhere."""
    ids = {data: first_ids(data, None) for data in cfg.data}
    sections = [plan.section(cfg, data, ids=ids[data], shards=SHARDS, made=made) for data in cfg.data]
    return plan.page(cfg, sections)
