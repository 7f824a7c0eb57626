"""`python -m attx VERB`: verbs for people (`explain`, `plan`, `check` ...), and one for each stage of the workflow."""

import argparse
import contextlib
import importlib
import inspect
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from attx import provenance, registry, roots
from attx.allocator import keep_memory
from attx.errors import UserError, out_of_memory, printable
from attx.failures import STOPPED

STAGES = registry.names("stages")
LISTS = {"methods": "attribution"} | {
    name: name for name in ("attacks", "perturbations", "metrics", "models", "training", "data", "figures")
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb. 0: all went well; 2: a user's mistake, told in one message; 130 and 143: interrupted, terminated."""
    signal.signal(signal.SIGTERM, _terminated)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    keep_memory()
    argv = list(sys.argv[1:] if argv is None else argv)
    try:
        if argv and argv[0] in STAGES:
            _run_stage(*argv)
        else:
            arguments = vars(_parser().parse_args(argv))
            importlib.import_module(arguments.pop("module")).run(**arguments)
    except UserError as error:
        sys.stderr.write(f"error: {printable(error)}\n")  # at once: jobs that fail together share a terminal
        return 2
    except (MemoryError, RuntimeError, ImportError) as error:
        if not out_of_memory(error):
            raise
        sys.stderr.write("error: out of memory: lower `batch_size` in the config or run fewer jobs at once\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"{STOPPED}\n")
        return 130
    return 0


def _interrupted(*_: object) -> NoReturn:
    """On Ctrl-C; a second one finds the work of the first under way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _terminated(*_: object) -> NoReturn:
    """On a time limit or a preemption: say so (a print may be under way already), and remove temporary files."""
    with contextlib.suppress(OSError):
        os.write(2, b"error: terminated from outside (a time limit?): what was finished is kept; run again to go on\n")
    sys.exit(143)


def _parser() -> argparse.ArgumentParser:
    stages = "\n".join(f"  {stage:14}{registry.summary('stages', stage)}" for stage in STAGES)
    parser = argparse.ArgumentParser(
        prog="python -m attx",
        description="Attributions of image classifiers, and how well they hold.",
        epilog=f"stages, which the workflow calls:\n{stages}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    explain = verbs.add_parser("explain", help="explain images: print predictions, write heatmap overlays")
    explain.set_defaults(module="attx.overlay")
    explain.add_argument("images", nargs="+", metavar="IMAGE")
    explain.add_argument("--model", default="efficientnet_lite0", help="a name of `list models`, torchvision or timm")
    explain.add_argument("--method", default="attexplore", help="a name of `list methods`")
    explain.add_argument("--target", type=int, help="the class to explain (default: the predicted one)")
    explain.add_argument("--out", default=".", help="folder for the pictures (default: the current one)")
    explain.add_argument(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        dest="settings",
        metavar="KEY=VALUE",
        help="parameters of the method, one or several",
    )
    explain.add_argument("--device", default="auto")
    _add_plan(verbs)
    check = verbs.add_parser("check", help="check a config, which may come from others, without running any of it")
    check.set_defaults(module="attx.configfile")
    check.add_argument("--configfile", default="config.yaml", help="the config file (default: config.yaml)")
    check.add_argument("--quiet", action="store_true", help="say nothing if all is well")
    unlock = verbs.add_parser("unlock", help="after a killed run: let the next one start, if nothing is alive")
    unlock.set_defaults(module="attx.unlock")
    unlock.add_argument("--force", action="store_true", help="also if the run was on another machine")
    verify = verbs.add_parser("verify", help="read all results of a run, and say which are damaged")
    verify.set_defaults(module="attx.verify")
    verify.add_argument("--configfile", default="config.yaml", help="the run's config (default: config.yaml)")
    verify.add_argument("--delete", action="store_true", help="delete those; what a run needs of them it makes anew")
    listing = verbs.add_parser("list", help="what there is, with its parameters")
    listing.set_defaults(module="attx.catalogue")
    listing.add_argument("what", nargs="?", choices=LISTS)
    return parser


def _add_plan(verbs: argparse._SubParsersAction) -> None:
    plan = verbs.add_parser("plan", help="what a run would take: jobs, passes, hours, disk, memory")
    plan.set_defaults(module="attx.plan.estimate")
    plan.add_argument("--configfile", default="config.yaml", help="the run's config (default: config.yaml)")
    plan.add_argument("--device", help="auto, cpu or cuda (default: the config's)")
    plan.add_argument(
        "--rate",
        action="append",
        default=[],
        dest="rates",
        metavar="MODEL=NUMBER",
        help="images a second, forward and backward, of another machine, in place of what is measured on this one",
    )
    plan.add_argument("--json", action="store_true", dest="as_json", help="print numbers for programs")
    plan.add_argument(
        "--save",
        action="store_true",
        dest="keep",
        help="keep the plan in the results folder: jobs ask a cluster for memory and time by it",
    )


def _run_stage(stage: str, *argv: str) -> None:
    """A stage's options: the keyword parameters of its `run`, `--spec` (JSON) and `--code` (the digest as planned)."""
    run = importlib.import_module(f"attx.stages.{stage}").run
    parameters = {name: p.annotation for name, p in inspect.signature(run).parameters.items() if name != "spec"}
    parser = argparse.ArgumentParser(prog=f"python -m attx {stage}")
    parser.add_argument("--spec", required=True, type=json.loads)
    parser.add_argument("--code", default="")
    for name, annotation in parameters.items():
        if name != "code":
            several = getattr(annotation, "__origin__", None) is list
            kind = annotation.__args__[0] if several else annotation
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                required=not several,
                type=kind,
                **({"nargs": "*", "default": []} if several else {}),
            )
    arguments = vars(parser.parse_args(argv))
    spec = arguments.pop("spec")
    provenance.check(roots.roots(stage, spec), arguments["code"])
    run(spec, **{name: arguments[name] for name in parameters})
