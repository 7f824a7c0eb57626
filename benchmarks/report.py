"""Tables as Markdown and JSON, under the machine's name; parts measured at other times are kept."""

import datetime
import json
import os
import platform
import re
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmarks.setting import Setting, Table

PACKAGES = ("torch", "torchvision", "triton", "numpy", "timm", "captum", "torchattacks", "quantus")


def machine(setting: Setting) -> dict:
    """Name, cores, versions, and how busy the machine was before."""
    gpu = setting.device == "cuda"
    name = torch.cuda.get_device_name() if gpu else _processor()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    found = {"name": name, "device": setting.device, "cores": os.cpu_count(), "threads": torch.get_num_threads()}
    found |= {"load before": round(load, 1), "date": datetime.date.today().isoformat()}
    return found | {"python": platform.python_version()} | {p: _version(p) for p in PACKAGES}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    return names[0].strip() if names else platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def stem(where: dict) -> str:
    """The name of a machine's files."""
    return re.sub(r"[^a-z0-9.]+", "-", f"{where['name']} {where['device']} torch {where['torch']}".lower()).strip("-")


def write(folder: Path, where: dict, tables: dict[str, Table]) -> Path:
    """Add the tables, by part, to the machine's JSON and write its Markdown anew; the Markdown's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem(where)}.json"
    parts = json.loads(path.read_text())["parts"] if path.exists() else {}
    parts |= {name: asdict(table) | {"machine": where} for name, table in tables.items()}
    path.write_text(json.dumps({"machine": where, "parts": parts}, indent=1) + "\n")
    page = path.with_suffix(".md")
    page.write_text(markdown(where, parts))
    return page


def markdown(where: dict, parts: dict[str, dict]) -> str:
    """The whole report."""
    told = ", ".join(f"{key} {value}" for key, value in where.items() if key not in ("name", "device"))
    lines = [f"# Benchmarks: {where['name']}, {where['device']}", "", told + ".", ""]
    lines += [
        "Ratios are medians of rounds, in each of which all sides ran one after another, with the least and largest "
        "beside them. Seconds are CPU time of one thread on a CPU, as jobs have it, and wall time on a GPU. Speed does "
        "not depend on weights.",
        "",
    ]
    for part in parts.values():
        other = {
            key: value for key, value in part["machine"].items() if where.get(key) != value and key != "load before"
        }
        notes = [f"Measured apart: {other}."] if other else []
        lines += section(Table(part["title"], part["rows"], part["notes"] + notes))
    return "\n".join(lines)


def section(table: Table) -> list[str]:
    """A table under its title and notes."""
    return [f"## {table.title}", "", *(f"{note}\n" for note in table.notes), *grid(table.rows), ""]


def grid(rows: list[dict]) -> list[str]:
    """A Markdown table of rows whose keys are the columns."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if not columns:
        return ["Nothing measured."]
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return lines + ["| " + " | ".join(_cell(row.get(column, "")) for column in columns) + " |" for row in rows]


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if value == 0 or 0.01 <= abs(value) < 1000:
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return f"{value:.1e}" if abs(value) < 0.01 else f"{value:.0f}"
