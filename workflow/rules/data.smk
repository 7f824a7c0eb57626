"""Images to manifests, models to checked weights, both to predictions."""


# Every image is checked before the first job starts, and one error lists all that are bad. This is no job, since each
# edge from it would rerun all shards when an image is added; `ancient` would cut these edges, but Snakemake then does
# not look for other reasons to run what comes after them.
onstart:
    clearly(ready, cfg.results)
    unlock.note()
    for name in cfg.data_sets():
        clearly(
            ensure,
            slices.manifest(cfg, data=name),
            workflow.resource_settings.cores or workflow.resource_settings.local_cores or 1,
            Path(at(paths.MANIFEST).format(data=name)),
            Path(at(paths.STAMPS).format(data=name)),
            ENTRIES[name],
            SEEN[name],
        )


rule shard:
    output:
        at(paths.SHARD),
    log:
        log_of("shard", paths.SHARD),
    resources:
        mem_mb=asks("mem_mb", "shard"),
        runtime=asks("runtime", "shard"),
    params:
        spec=spec("shard"),
        manifest=at(paths.MANIFEST),
        code=code("shard"),
    shell:
        "python -m attx shard --spec {params.spec:q} --code {params.code} --manifest-csv {params.manifest:q}"
        " --shard {wildcards.shard} --out {output:q} 2>&1 | tee -i {log:q}"


localrules:
    weights,


rule weights:
    input:
        lambda wildcards: own_weights(cfg.models[wildcards.model].get("weights")),
    output:
        at(paths.WEIGHTS),
    log:
        log_of("weights", paths.WEIGHTS),
    priority: 20
    resources:
        mem_mb=asks("mem_mb", "weights"),
        runtime=asks("runtime", "weights"),
    params:
        spec=spec("weights"),
        code=code("weights"),
    shell:
        "python -m attx weights --spec {params.spec:q} --code {params.code} --model {wildcards.model:q}"
        " --out {output:q} 2>&1 | tee -i {log:q}"


rule fetch:  # on a machine with a network, for runs on those without; trainings need none, and are jobs
    input:
        [
            at(paths.WEIGHTS).format(model=label)
            for label, model in cfg.models.items()
            if model.get("weights") not in TRAINED
        ],


rule predict:
    input:
        shard=at(paths.SHARD),
        weights=at(paths.WEIGHTS),
    output:
        at(paths.PREDICTIONS),
    log:
        log_of("predict", paths.PREDICTIONS),
    priority: 10
    threads: cfg.threads
    resources:
        gpu=GPU,
        device=cfg.device,
        mem_mb=asks("mem_mb", "predict"),
        runtime=asks("runtime", "predict"),
    params:
        spec=spec("predict"),
        manifest=at(paths.MANIFEST),
        code=code("predict"),
    shell:
        "python -m attx predict --spec {params.spec:q} --code {params.code} --device {resources.device:q} --weights {input.weights:q}"
        " --manifest-csv {params.manifest:q} --shard {input.shard:q} --out {output:q} 2>&1 | tee -i {log:q}"


rule select:
    input:
        shard=at(paths.SHARD),
        predicted=expand(at(paths.PREDICTIONS), model=cfg.models, allow_missing=True),
    output:
        at(paths.SELECTED),
    log:
        log_of("select", paths.SELECTED),
    resources:
        mem_mb=asks("mem_mb", "select"),
        runtime=asks("runtime", "select"),
    params:
        spec=spec("select"),
        code=code("select"),
    shell:
        "python -m attx select --spec {params.spec:q} --code {params.code} --shard {input.shard:q}"
        " --predicted {input.predicted:q} --out {output:q} 2>&1 | tee -i {log:q}"
