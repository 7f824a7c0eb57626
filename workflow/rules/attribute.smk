"""Images and predictions to attributions: one store per shard, model and method."""

EXPLAINED = [cfg.methods, *cfg.variants().values(), *map(cfg.reseeded, cfg.metrics)]


for name, methods in bundles("attribute", EXPLAINED).items():

    rule:
        name:
            name
        input:
            shard=chosen,
            predicted=at(paths.PREDICTIONS),
            weights=at(paths.WEIGHTS),
        output:
            [stored(method, len(methods)) for method in methods],
        log:
            log_of(name, paths.ATTRIBUTIONS).replace("{method}", methods[0]),
        wildcard_constraints:
            method=without(COMBINED),
        threads: cfg.threads
        resources:
            gpu=GPU,
            device=cfg.device,
            mem_mb=asks("mem_mb", "attribute", methods),
            runtime=asks("runtime", "attribute", methods),
        params:
            spec=spec("attribute", methods),
            code=code("attribute", methods),
        shell:
            "python -m attx attribute --spec {params.spec:q} --code {params.code} --device {resources.device:q}"
            " --weights {input.weights:q} --shard {input.shard:q} --predicted {input.predicted:q}"
            " --label {wildcards.data}/{wildcards.model}/{wildcards.shard} --out {output:q} 2>&1 | tee -i {log:q}"


rule combine:
    input:
        unpack(members),
    output:
        at(paths.ATTRIBUTIONS),
    log:
        log_of("combine", paths.ATTRIBUTIONS),
    wildcard_constraints:
        method=only(COMBINED),
    resources:
        mem_mb=asks("mem_mb", "combine"),
        runtime=asks("runtime", "combine"),
    params:
        spec=spec("combine"),
        code=code("combine"),
    shell:
        "python -m attx combine --spec {params.spec:q} --code {params.code} --stores {input.stores:q}"
        " --scores {input.scores:q}"
        " --label {wildcards.data}/{wildcards.model}/{wildcards.method}/{wildcards.shard} --out {output:q}"
        " 2>&1 | tee -i {log:q}"
