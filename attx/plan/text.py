"""A plan as text, in tables that fit 100 columns for up to five models."""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Sequence

KINDS = {
    "stage": "predictions",
    "method": "attributions",
    "ensemble": "ensembles",
    "path": "paths",
    "attack": "attacks",
    "perturbation": "perturbations",
    "metric": "scores",
}
MAPS = ("method", "ensemble", "attack", "perturbation")  # kinds that store a map or an image for each image
UNTIMED = ("train", "compare")  # stages that take time of which nothing is counted
COLUMNS = 5  # models whose times are shown beside each other
WIDTH = 100
NAME = 9  # letters, beyond which a model's name takes two lines


def text(plan: dict) -> str:
    """The whole plan: jobs, models, work by kind, totals."""
    if not plan["jobs"]:
        return f"{plan['configfile']}: nothing is left to do in {plan['results']}"
    tables = [_work(plan, kind, title) for kind, title in KINDS.items() if _of(plan["rows"], kind)]
    return "\n\n".join([_head(plan), *([_models(plan)] if plan["models"] else []), *tables, _totals(plan)])


def _head(plan: dict) -> str:
    device = next((found["device"] for found in plan["models"].values()), "cpu")
    place = f"{plan['cores']} CPU cores" if device == "cpu" else f"one {device}"
    images = [
        f"{data} {n}{' at most (keep: correct)' * (data.split('@')[0] in plan['keep'])}"
        for data, n in plan["images"].items()
    ]
    jobs = ", ".join(f"{stage} {n}" for stage, n in plan["jobs"].items())
    lines = [
        f"{plan['configfile']}: what is left to do in {plan['results']}",
        f"on:     {place}, jobs at once: {plan['at_once']}, threads a job: {plan['threads']}; {plan['dtype']}, "
        f"images a batch: {_batches(plan)}",
        *([f"images: {', '.join(images)}"] if images else []),
        f"jobs:   {sum(plan['jobs'].values())} ({jobs})",
    ]
    return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent=" " * 8) for line in lines)


def _batches(plan: dict) -> str:
    """The batch size of the config, or those that were found for each model."""
    sizes = {label: found["batch_size"] for label, found in plan["models"].items()}
    if len(set(sizes.values())) < 2:
        return str(next(iter(sizes.values()), plan["batch_size"]))
    return ", ".join(f"{label} {size}" for label, size in sizes.items())


def _models(plan: dict) -> str:
    rows = [["model", "size", "images/s", "images/s", "memory", "jobs", "start", "forward", "backward", "time"]]
    rows += [["", "", "backward", "forward", "a job", "", "a job", "passes", "passes", "in all"]]
    for label, found in plan["models"].items():
        mine = [row for row in plan["rows"] if row["model"] == label]
        rows.append(
            [
                label,
                "x".join(map(str, found["shape"])),
                f"{1 / found['backward_seconds']:.1f}",
                f"{1 / found['forward_seconds']:.1f}",
                _size(found["device_memory"] or found["memory"]),
                str(plan["starts"][label]),
                _time(found["start_seconds"]),
                _short(_sum(mine, "forward")),
                _short(_sum(mine, "backward")),
                _time(_sum(mine, "seconds") + plan["starts"][label] * found["start_seconds"]),
            ]
        )
    return _table(rows)


def _work(plan: dict, kind: str, title: str) -> str:
    groups = defaultdict(list)
    for row in _of(plan["rows"], kind):
        groups[row["label"]].append(row)
    models = list(plan["models"]) if 1 < len(plan["models"]) <= COLUMNS else []
    heads = [model.rpartition("_") if len(model) > NAME else (model, "", "") for model in models]
    rows = [[title, "images", "fwd", "bwd", "time", *(head[0] for head in heads)]]
    rows += [["", "", "each", "each", "in all", *(head[1] + head[2] for head in heads)]]
    for label, found in groups.items():
        images = _sum(found, "images")
        base, at, varied = label.partition("@")
        name = f"  @{varied}" if at and base in groups else label  # variants stand below their method
        if any("error" in row for row in found):
            rows.append([name, _short(images), "?", "?", "?"])
            continue
        each = [_per(_sum(found, key), images) for key in ("forward", "backward")]
        by_model = ([row for row in found if row["model"] == model] for model in models)
        times = [_time(_sum(mine, "seconds")) if mine else "" for mine in by_model]
        rows.append([name, _short(images), *each, _time(_sum(found, "seconds")), *times])
    return _table(rows)


def _totals(plan: dict) -> str:
    rows, models, at_once = plan["rows"], plan["models"], plan["at_once"]
    starting = sum(n * models[label]["start_seconds"] for label, n in plan["starts"].items())
    seconds = _sum(rows, "seconds") + starting
    gpu = any(found["device"] != "cpu" for found in models.values())
    memory = max((found["memory"] for found in models.values()), default=0)
    maps, scores = (_sum((r for r in rows if (r["kind"] in MAPS) == wanted), "bytes") for wanted in (True, False))
    lacking = ": too little" if maps + scores > plan["free_bytes"] else ""
    short = ": too little" if memory * at_once > plan["machine_memory"] else ""
    lines = [
        f"passes: {_sum(rows, 'forward'):,.0f} forward, {_sum(rows, 'backward'):,.0f} backward",
        f"time:   {_hours(seconds * (1 if gpu else plan['threads']))} {'GPU' if gpu else 'core'}-hours, "
        f"{_hours(starting)} of them starting jobs: {_time(seconds / at_once)} with {at_once} jobs at once",
        f"disk:   at most {_size(maps)} of attributions, about {_size(scores)} of scores; "
        f"{_size(plan['free_bytes'])} are free{lacking}",
        f"memory: about {_size(memory)} a job, {_size(memory * at_once)} at once; "
        f"this machine has {_size(plan['machine_memory'])}{short}",
    ]
    by_label = defaultdict(float, {"starting jobs": starting})
    for row in rows:
        by_label[row["label"]] += row.get("seconds", 0)
    dearest = [label for label in sorted(by_label, key=by_label.get, reverse=True) if by_label[label] > seconds / 100]
    lines.append("dearest: " + ", ".join(f"{label} {by_label[label] / seconds:.0%}" for label in dearest[:5]))
    unknown = {f"{row['label']} ({row['error']})": None for row in rows if "error" in row}
    lines += [f"not known, and in no total: {what}" for what in unknown]
    untimed = [f"{stage} {plan['jobs'][stage]}" for stage in UNTIMED if plan["jobs"].get(stage)]
    lines += [f"in no total: jobs of {', '.join(untimed)}"] if untimed else []
    return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent=" " * 8) for line in lines)


def _of(rows: Iterable[dict], kind: str) -> list[dict]:
    return [row for row in rows if row["kind"] == kind]


def _sum(rows: Iterable[dict], key: str) -> float:
    return sum(row.get(key, 0) for row in rows)


def _per(total: float, images: int) -> str:
    each = total / max(images, 1)
    return f"{each:.0f}" if each == int(each) else f"{each:.1f}"


def _time(seconds: float) -> str:
    if seconds >= 3600:
        return f"{_hours(seconds)}h"
    return f"{seconds / 60:.0f}min" if seconds >= 90 else f"{seconds:.0f}s" if seconds >= 1 else "<1s"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.0f}" if seconds >= 36000 else f"{seconds / 3600:.2g}"


def _size(number: float) -> str:
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def _short(number: float) -> str:
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= scale:
            return f"{number / scale:.3g}{unit}"
    return f"{number:.0f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others to the right."""
    width = max(len(row) for row in rows)
    full = [[*row, *[""] * (width - len(row))] for row in rows]
    sizes = [max(len(row[i]) for row in full) for i in range(width)]
    return "\n".join(
        "  ".join([row[0].ljust(sizes[0]), *(c.rjust(s) for c, s in zip(row[1:], sizes[1:], strict=True))]).rstrip()
        for row in full
    )
