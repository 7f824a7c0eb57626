"""A picture of a report: efficiencies against their goals, and ratios to other ways of doing the same."""

import json
from pathlib import Path

GOALS = {"attribution": 0.90, "sweep": 0.95}
NAMES = {"attribution": "attribution", "sweep": "insertion + deletion"}
MARKS = {"cpu": {"attribution": (3.0,), "sweep": (1.7,)}, "cuda": {"attribution": (3.0, 10.0), "sweep": (3.0, 10.0)}}
COLOURS = {"attribution": "#0072b2", "sweep": "#d55e00", "libraries": "#777777"}


def draw(path: Path) -> Path | None:
    """The plot of a report's JSON, beside it, as PNG; None where there is no matplotlib, or nothing to draw."""
    held = json.loads(path.read_text())
    if not any(held["parts"].get(part, {}).get("rows") for part in NAMES):
        return None
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(12, 5.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _efficiencies(left, held["parts"])
    _ratios(right, held["parts"], held["machine"]["device"])
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(f"{held['machine']['name']}, torch {held['machine']['torch']}", fontsize=10)
    figure.savefig(path.with_suffix(".png"), dpi=150)
    return path.with_suffix(".png")


def _efficiencies(axes, parts: dict) -> None:
    bars = [
        (f"{row['model']}, {row['option']}", part, row["efficiency"], row["efficiency: range"])
        for part in NAMES
        for row in parts.get(part, {"rows": []})["rows"]
    ]
    _bars(axes, bars)
    for part, goal in GOALS.items():
        axes.axvline(goal, color=COLOURS[part], linestyle=":", linewidth=1)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlim(left=0)
    axes.set_xlabel("time of the model's bare passes / time of all (dotted: goals)", fontsize=8)


def _ratios(axes, parts: dict, device: str) -> None:
    key = "published / attx"
    bars = [
        (f"{row['model']}, {row['option']}", part, row[key], row[f"{key}: range"])
        for part in NAMES
        for row in parts.get(part, {"rows": []})["rows"]
    ]
    bars += [
        (
            f"{row['library']}: {row['what']}".replace("`", ""),
            "libraries",
            row["theirs / attx"],
            row["theirs / attx: range"],
        )
        for row in parts.get("libraries", {"rows": []})["rows"]
    ]
    _bars(axes, bars)
    axes.set_xscale("log")
    for part, marks in MARKS[device].items():
        for mark in marks:
            axes.axvline(mark, color=COLOURS[part], linestyle=":", linewidth=1)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel("time of the published way, or a library / time of attx", fontsize=8)
    ticks = [tick for tick in (0.5, 1, 2, 3, 5, 10, 20, 50) if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


def _bars(axes, bars: list[tuple[str, str, float, str]]) -> None:
    """(label, part, value, "least to largest"), the first on top."""
    seen = set()
    for place, (_, part, value, reach) in enumerate(bars):
        low, high = map(float, reach.split(" to "))
        name = NAMES.get(part, "other libraries")
        axes.plot([low, high], [place] * 2, color=COLOURS[part], linewidth=1)
        axes.plot(value, place, "o", color=COLOURS[part], markersize=5, label=None if name in seen else name)
        seen.add(name)
    axes.set_yticks(range(len(bars)), [label for label, *_ in bars], fontsize=7)
    axes.set_ylim(len(bars) - 0.5, -0.5)
