"""Trained models, images perturbed against their explanations, and attributions of these."""


rule train:
    output:
        weights=at(paths.TRAINED),
        curve=at(paths.CURVE),
    log:
        log_of("train", paths.TRAINED),
    priority: 30
    threads: cfg.threads
    resources:
        gpu=GPU,
        device=cfg.device,
        mem_mb=asks("mem_mb", "train"),
        runtime=asks("runtime", "train"),
    params:
        spec=spec("train"),
        code=code("train"),
    shell:
        "python -m attx train --spec {params.spec:q} --code {params.code} --device {resources.device:q}"
        " --label {wildcards.training} --out {output.weights:q} --curve {output.curve:q} 2>&1 | tee -i {log:q}"


rule perturb:
    input:
        shard=chosen,
        predicted=at(paths.PREDICTIONS),
        weights=at(paths.WEIGHTS),
    output:
        at(paths.PERTURBED),
    log:
        log_of("perturb", paths.PERTURBED),
    threads: cfg.threads
    resources:
        gpu=GPU,
        device=cfg.device,
        mem_mb=asks("mem_mb", "perturb"),
        runtime=asks("runtime", "perturb"),
    params:
        spec=spec("perturb"),
        code=code("perturb"),
    shell:
        "python -m attx perturb --spec {params.spec:q} --code {params.code} --device {resources.device:q}"
        " --weights {input.weights:q} --shard {input.shard:q} --predicted {input.predicted:q}"
        " --label {wildcards.data}/{wildcards.model}/{wildcards.perturbation}/{wildcards.shard} --out {output:q}"
        " 2>&1 | tee -i {log:q}"


UNDER = [cfg.judged(metric)["methods"] for metric in PAIRED if pairs(cfg.metrics[metric]["use"]) == PERTURBED]


for name, methods in bundles("attribute_perturbed", UNDER).items():

    rule:
        name:
            name
        input:
            shard=chosen,
            predicted=at(paths.PREDICTIONS),
            weights=at(paths.WEIGHTS),
            perturbed=at(paths.PERTURBED),
        output:
            [stored(method, len(methods), paths.PERTURBED_ATTRIBUTIONS) for method in methods],
        log:
            log_of("attribute", paths.PERTURBED_ATTRIBUTIONS).replace("{method}", methods[0]),
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
            " --perturbed {input.perturbed:q} --label {wildcards.data}/{wildcards.model}/{wildcards.shard}"
            " --out {output:q} 2>&1 | tee -i {log:q}"
