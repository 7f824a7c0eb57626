"""Scores, images and attributions to figures."""


rule gather:
    input:
        parts("gather"),
    output:
        at(paths.SOURCE),
    log:
        log_of("gather", paths.SOURCE),
    resources:
        mem_mb=asks("mem_mb", "gather"),
        runtime=asks("runtime", "gather"),
    params:
        spec=spec("gather"),
        code=digest("attx.stages.collect"),
    shell:
        "python -m attx collect --spec {params.spec:q} --code {params.code} --out {output:q} 2>&1 | tee -i {log:q}"


rule trace:
    input:
        shard=chosen,
        predicted=at(paths.PREDICTIONS),
        weights=at(paths.WEIGHTS),
    output:
        at(paths.TRACE),
    log:
        log_of("trace", paths.TRACE),
    threads: cfg.threads
    resources:
        gpu=GPU,
        device=cfg.device,
        mem_mb=asks("mem_mb", "trace"),
        runtime=asks("runtime", "trace"),
    params:
        spec=spec("trace"),
        code=code("trace"),
    shell:
        "python -m attx trace --spec {params.spec:q} --code {params.code} --device {resources.device:q}"
        " --weights {input.weights:q} --shard {input.shard:q} --predicted {input.predicted:q}"
        " --label {wildcards.data}/{wildcards.model}/{wildcards.method} --out {output:q} 2>&1 | tee -i {log:q}"


rule figure_table:
    input:
        lambda wildcards: figure_input(wildcards)["scores"],
    output:
        csv=at(paths.FIGURE_TABLE.replace("{format}", "csv")),
        md=at(paths.FIGURE_TABLE.replace("{format}", "md")),
        tex=at(paths.FIGURE_TABLE.replace("{format}", "tex")),
    log:
        log_of("figure_table", paths.FIGURE_TABLE),
    wildcard_constraints:
        figure=only(cfg.tabled()),
    resources:
        mem_mb=asks("mem_mb", "figure_table"),
        runtime=asks("runtime", "figure_table"),
    params:
        spec=spec("figure_table"),
        code=code("figure_table"),
    shell:
        "python -m attx figure_table --spec {params.spec:q} --code {params.code} --source {input:q}"
        " --csv {output.csv:q} --md {output.md:q} --tex {output.tex:q} 2>&1 | tee -i {log:q}"


rule figure:
    input:
        unpack(figure_input),
    output:
        pdf=at(paths.FIGURE.replace("{format}", "pdf")),
        png=at(paths.FIGURE.replace("{format}", "png")),
    log:
        log_of("figure", paths.FIGURE),
    resources:
        mem_mb=asks("mem_mb", "figure"),
        runtime=asks("runtime", "figure"),
    params:
        spec=spec("figure"),
        code=code("figure"),
    shell:
        "python -m attx figure --spec {params.spec:q} --code {params.code} --scores {input.scores:q} --shards {input.shards:q}"
        " --stores {input.stores:q} --perturbed {input.perturbed:q} --under {input.under:q}"
        " --pdf {output.pdf:q} --png {output.png:q} 2>&1 | tee -i {log:q}"
