"""Adversarial images, and what other models make of them."""


rule attack:
    input:
        shard=chosen,
        weights=at(paths.WEIGHTS),
    output:
        at(paths.ADVERSARIAL),
    log:
        log_of("attack", paths.ADVERSARIAL),
    threads: cfg.threads
    resources:
        gpu=GPU,
        device=cfg.device,
        mem_mb=asks("mem_mb", "attack"),
        runtime=asks("runtime", "attack"),
    params:
        spec=spec("attack"),
        code=code("attack"),
    shell:
        "python -m attx attack --spec {params.spec:q} --code {params.code} --device {resources.device:q}"
        " --weights {input.weights:q} --shard {input.shard:q}"
        " --label {wildcards.data}/{wildcards.model}/{wildcards.attack}/{wildcards.shard} --out {output:q}"
        " 2>&1 | tee -i {log:q}"


rule judge:
    input:
        adversarial=at(paths.ADVERSARIAL.replace("{model}", "{source}")),
        predicted=at(paths.PREDICTIONS),
        source_predicted=at(paths.PREDICTIONS.replace("{model}", "{source}")),
        weights=at(paths.WEIGHTS),
    output:
        at(paths.TRANSFER),
    log:
        log_of("judge", paths.TRANSFER),
    threads: cfg.threads
    resources:
        gpu=GPU,
        device=cfg.device,
        mem_mb=asks("mem_mb", "judge"),
        runtime=asks("runtime", "judge"),
    params:
        spec=spec("judge"),
        code=code("judge"),
    shell:
        "python -m attx judge --spec {params.spec:q} --code {params.code} --device {resources.device:q}"
        " --weights {input.weights:q} --predicted {input.predicted:q} --source-predicted {input.source_predicted:q}"
        " --adversarial {input.adversarial:q}"
        " --label {wildcards.data}/{wildcards.model}/{wildcards.source}/{wildcards.attack} --out {output:q}"
        " 2>&1 | tee -i {log:q}"
