"""From images to tables and figures. Settings: config.yaml, or another file by --configfile. See docs/architecture.md."""

from attx import configfile as reading

# without `make`, which has these checked before Snakemake sees them
reading.refuse(workflow.overwrite_configfiles or ["config.yaml"])

if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/resources.smk"
include: "workflow/rules/messages.smk"
include: "workflow/rules/updates.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/attribute.smk"
include: "workflow/rules/perturb.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/transfer.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/page.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        expand(
            at(paths.TABLE),
            data=cfg.data,
            metric=cfg.metrics,
            format=["csv", "md", "tex"],
        ),
        expand(
            at(paths.FIGURE_TABLE),
            data=cfg.data,
            figure=cfg.tabled(),
            format=["csv", "md", "tex"],
        ),
        expand(at(paths.FIGURE), data=cfg.data, figure=cfg.figures, format=["pdf", "png"]),


# A kind of GPU that all jobs are to ask for, by `default-resources`, is for those that ask for a GPU: the slurm plugin
# has the others ask for one as well.
for each in workflow.rules:
    if str(each.resources.get("gpu").raw) in ("None", "0"):
        each.resources["gpu_model"] = None
