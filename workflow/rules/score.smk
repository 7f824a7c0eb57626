"""Attributions to scores, per image, and to tables."""


rule score:
    input:
        shard=chosen,
        predicted=at(paths.PREDICTIONS),
        attributions=at(paths.ATTRIBUTIONS),
        weights=at(paths.WEIGHTS),
    output:
        at(paths.SHARD_SCORES),
    log:
        log_of("score", paths.SHARD_SCORES),
    wildcard_constraints:
        metric=without(PAIRED),
    threads: cfg.threads
    resources:
        gpu=GPU,
        device=cfg.device,
        mem_mb=asks("mem_mb", "score"),
        runtime=asks("runtime", "score"),
    params:
        spec=spec("score"),
        code=code("score"),
    shell:
        "python -m attx score --spec {params.spec:q} --code {params.code} --device {resources.device:q} --weights {input.weights:q} --shard {input.shard:q}"
        " --predicted {input.predicted:q} --attributions {input.attributions:q}"
        " --label {wildcards.data}/{wildcards.model}/{wildcards.method}/{wildcards.postprocess} --out {output:q}"
        " 2>&1 | tee -i {log:q}"


use rule score as score_cross with:
    input:
        shard=chosen,
        predicted=at(paths.PREDICTIONS),
        attributions=at(paths.ATTRIBUTIONS.replace("{model}", "{source}")),
        weights=at(paths.WEIGHTS),
    output:
        at(paths.CROSS_SCORES),
    log:
        log_of("score", paths.CROSS_SCORES),


for name, (metric, methods) in pairings().items():

    rule:
        name:
            name
        input:
            unpack(compared(metric, methods)),
            predicted=at(paths.PREDICTIONS),
        output:
            comparisons(metric, methods),
        log:
            comparison_log(metric, methods),
        wildcard_constraints:
            method=only(cfg.judged(metric)["methods"]),
        threads: cfg.threads
        resources:
            mem_mb=asks("mem_mb", "compare", methods, metric=metric),
            runtime=asks("runtime", "compare", methods, metric=metric),
        params:
            spec=spec("compare", methods, metric=metric),
            code=code("compare", methods, metric=metric),
        shell:
            "python -m attx compare --spec {params.spec:q} --code {params.code} --predicted {input.predicted:q}"
            " --attributions {input.attributions:q} --others {input.others:q}"
            " --label {wildcards.data}/{wildcards.model} --out {output:q} 2>&1 | tee -i {log:q}"


rule collect:
    input:
        parts("collect"),
    output:
        at(paths.SCORES),
    log:
        log_of("collect", paths.SCORES),
    resources:
        mem_mb=asks("mem_mb", "collect"),
        runtime=asks("runtime", "collect"),
    params:
        spec=spec("collect"),
        code=code("collect"),
    shell:
        "python -m attx collect --spec {params.spec:q} --code {params.code} --out {output:q} 2>&1 | tee -i {log:q}"


rule table:
    input:
        at(paths.SCORES),
    output:
        csv=at(paths.TABLE.replace("{format}", "csv")),
        md=at(paths.TABLE.replace("{format}", "md")),
        tex=at(paths.TABLE.replace("{format}", "tex")),
    log:
        log_of("table", paths.TABLE),
    resources:
        mem_mb=asks("mem_mb", "table"),
        runtime=asks("runtime", "table"),
    params:
        spec=spec("table"),
        code=code("table"),
    shell:
        "python -m attx table --spec {params.spec:q} --code {params.code} --scores {input:q}"
        " --csv {output.csv:q} --md {output.md:q} --tex {output.tex:q} 2>&1 | tee -i {log:q}"
