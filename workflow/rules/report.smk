"""The page of a run, which `make report` asks for."""

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


rule report:
    input:
        lambda wildcards: plan.inputs(page()),
    output:
        at(paths.REPORT),
    log:
        log_of("report", paths.REPORT),
    resources:
        mem_mb=lambda wildcards, attempt: estimates.attempted(3000, attempt),
        runtime=lambda wildcards, attempt: estimates.attempted(30, attempt),
    params:
        spec=lambda wildcards: canonical(page()),
        code=lambda wildcards: digest(*roots.roots("report", page())),
    shell:
        "python -m attx report --spec {params.spec:q} --code {params.code} --out {output:q} 2>&1 | tee -i {log:q}"
