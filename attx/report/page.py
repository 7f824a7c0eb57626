"""The page itself: what goes into its template."""

import hashlib
import json
import platform
from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from attx import paths, registry
from attx.report import made, pictures, plan, tables

STYLES = ("page.css", "tables.css", "gallery.css", "media.css")
SCRIPTS = ("common.js", "tables.js", "curves.js", "gallery.js", "start.js")
FIRST = 5  # methods that the gallery begins with
FAMILIES = {
    "methods": ("attribution", "Methods"),
    "metrics": ("metrics", "Metrics"),
    "perturbations": ("perturbations", "Perturbations"),
    "attacks": ("attacks", "Attacks"),
    "training": ("training", "Training"),
}


def render(config: Mapping, sections: Sequence[Mapping], galleries: Sequence[Mapping]) -> str:
    """The page as HTML; the galleries are those of the sections."""
    environment = Environment(
        loader=FileSystemLoader(plan.PARTS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"yaml": _yaml, "flow": _flow, "broken": _broken}
    style, script = (
        "".join((plan.PARTS / name).read_text(encoding="utf-8") for name in names) for names in (STYLES, SCRIPTS)
    )
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("page.html").render(
        config=config,
        title=config["results"],
        style=Markup(style),
        script=Markup(script),
        digest=digest,
        families=list(_families(config)),
        sections=[_section(config, *both) for both in zip(sections, galleries, strict=True)],
        models=made.models(config, sections),
        filters=pictures.filters(),
        gradient=pictures.gradient,
        first=FIRST,
        readings=config["postprocess"],
        versions={"attx": version("attx"), "Python": platform.python_version()},
    )


def _families(config: Mapping) -> list[tuple[str, list[tuple[str, str, dict]]]]:
    """Headings, each with label, summary and settings of its entries."""
    for key, (family, heading) in FAMILIES.items():
        entries = [
            (label, registry.summary(family, spec["use"]), registry.params(spec)) for label, spec in config[key].items()
        ]
        if entries:
            yield heading, entries


def _section(config: Mapping, section: Mapping, gallery: Mapping) -> dict:
    """What the template shows of a data set."""
    data = section["data"]
    figures = [_figure(config, data, label, each) for label, each in section["figures"].items()]
    metrics = [
        {"label": label, "use": config["metrics"][label]["use"], "settings": registry.params(config["metrics"][label])}
        | {
            "table": tables.of_metric(plan.table(config, data, label)),
            "files": _files(config, data, label, ["csv", "md", "tex"]),
        }
        | {"made": made.metric(config, data, label, each)}
        for label, each in section["metrics"].items()
    ]
    boards = [figure for figure in figures if figure["ranked"]]
    public = {key: value for key, value in gallery.items() if key != "made"}
    return {"data": data, "images": section["images"], "boards": boards, "figures": figures, "metrics": metrics} | {
        "gallery": public,
        "maps": made.maps(gallery["made"]),
        "machines": made.machines(gallery["made"]),
    }


def _figure(config: Mapping, data: str, label: str, each: Mapping) -> dict:
    use = config["figures"][label]["use"]
    ranked = registry.constant("figures", use, "NEEDS") == "leaderboard"
    path = plan.figure(config, data, label)
    said = f"{registry.constant('figures', use, 'CAPTION') or registry.summary('figures', use)}"
    table = tables.of_figure(plan.table(config, data, label), said, ranked=ranked) if each["tabled"] else None
    uri, width, height = pictures.figure(path)
    found = {"label": label, "use": use, "ranked": ranked, "caption": said, "table": table, "src": uri}
    found |= {"summary": registry.summary("figures", use), "width": width, "height": height}
    found["files"] = _files(config, data, label, ["csv", "md", "tex"]) if table else {}
    found["files"] |= {kind: paths.FIGURE.format(data=data, figure=label, format=kind) for kind in ("pdf", "png")}
    return found | {"made": made.made(each, path)}


def _files(config: Mapping, data: str, label: str, kinds: Sequence[str]) -> dict[str, str]:
    """Where a table lies beside the page, by format."""
    return {kind: paths.TABLE.format(data=data, metric=label, format=kind) for kind in kinds}


def _yaml(value: object) -> str:
    """Settings as one writes them."""
    plain = json.loads(json.dumps(value))  # tuples and the like have no plain YAML
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100).rstrip()


def _flow(value: Mapping) -> str:
    """Settings on a line: `steps: 25, attack: ssa`."""
    line = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True, width=float("inf"), default_flow_style=True)
    return line.strip().removeprefix("{").removesuffix("}")


def _broken(name: str) -> Markup:
    """A label that may be broken after its underscores and dots."""
    escaped = str(Markup.escape(name))
    return Markup(escaped.replace("_", "_<wbr>").replace(".", ".<wbr>"))
