"""The page of a run, which `make report` asks for."""


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
