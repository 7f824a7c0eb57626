"""A plan that is kept with the results, for jobs to ask a cluster for what it found. No torch."""

import json
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path

from attx import paths
from attx.config import Config
from attx.errors import UserError
from attx.files import write_text
from attx.plan.jobs import Work

MEASURED = ("forward_seconds", "backward_seconds", "memory", "batch_size")  # of a model, beside its shape
COUNTED = ("images", "forward", "backward", "own_seconds")  # of a work
MOST = 10**18  # of any of these


@dataclass(frozen=True)
class Saved:
    """What was measured of models, by label, and counted of works, by (kind, spec, model)."""

    models: dict[str, dict] = field(default_factory=dict)
    works: dict[tuple[str, str, str], dict] = field(default_factory=dict)

    def work(self, work: Work) -> dict | None:
        """{images, forward, backward, seconds}, in all, of a work; None where they are not known."""
        row = self.works.get((work.kind, work.spec, work.model))
        return row if row and "error" not in row and row["images"] else None


def read(config: Config) -> Saved:
    """The plan kept for a run, as far as it holds for this config; UserError where the file is damaged."""
    path = _path(config)
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        _check(held)
        if held["machine"] != config.machine():
            return Saved()
        models = {label: one for label, one in held["models"].items() if config.models.get(label) == one["spec"]}
        return Saved(models, {(row["kind"], row["spec"], row["model"]): row for row in held["rows"]})
    except FileNotFoundError:
        return Saved()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as a plan: delete it, or run `attx plan --save` again") from error


def _check(held: dict) -> None:
    """ValueError unless what estimates reckon with are numbers within bounds: above 0 those of models."""
    models = [one[key] for one in held["models"].values() for key in MEASURED]
    for one in held["models"].values():
        height, width = one["shape"]
        models += [height, width]
    works = [row[key] for row in held["rows"] if "error" not in row for key in COUNTED]
    if not all(isinstance(number, Real) and 0 <= number <= MOST for number in models + works) or not all(models):
        raise ValueError("odd numbers")


def save(config: Config, plan: dict) -> Path:
    """Keep a plan, beside what an earlier one knows of works that were not left to do in this one; its path."""
    path, known = _path(config), read(config)
    models = {label: found | {"spec": config.models[label]} for label, found in plan["models"].items()}
    works = known.works | {(row["kind"], row["spec"], row["model"]): row for row in plan["rows"]}
    held = {"machine": config.machine(), "models": known.models | models, "rows": list(works.values())}
    write_text(path, json.dumps(held, indent=1))
    return path


def _path(config: Config) -> Path:
    return Path(config.results) / paths.PLAN
