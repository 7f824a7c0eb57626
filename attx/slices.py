"""What each job depends on of the configuration: its slice. The modules it runs: `attx.roots`.

No torch: the Snakefile imports this.
"""

import hashlib
from collections.abc import Iterable

from attx import registry, roots
from attx.checks import CONDITIONS, JUDGED
from attx.config import Config, canonical
from attx.data import listing
from attx.needs import explains, pairs

CONTROLS = ("random", "edges")


def manifest(config: Config, *, data: str, **_: str) -> dict:
    """What the check of all images of a data set depends on; `classes` is the fewest that a model is known to have."""
    known = [
        spec.get("classes") or registry.default("models", spec["use"], "classes") for spec in config.models.values()
    ]
    source = {key: value for key, value in config.data_set(data).items() if key != "keep"}
    return {"data": source, "classes": min(filter(None, known), default=None)}


def weights(config: Config, *, model: str, **_: str) -> dict:
    """The slice of the job that fetches, checks and tries a model."""
    return {"model": config.models[model]}


def predict(config: Config, *, data: str, model: str, **_: str) -> dict:
    """The slice of the job that classifies a shard: which images are chosen is not its business."""
    return {"data": {"use": config.data_set(data)["use"]}, "model": config.models[model], **config.machine()}


def attribute(config: Config, *, data: str, model: str, methods: list[str], **_: str) -> dict:
    """The slice of the job that explains a shard's images by some methods; `roots.each` gives that of one method."""
    spec = predict(config, data=data, model=model)
    spec |= {"methods": {method: config.method(method) for method in methods}, "target": config.target}
    drawn = references(config, methods)
    return spec | ({"references": drawn} if drawn else {})


def references(config: Config, methods: Iterable[str]) -> dict[str, str]:
    """Digests of the images that methods draw references from, of those that do."""
    drawn = {method: roots.references(config.method(method)) for method in methods}
    where = "config: methods.{}.references"
    return {method: listing.content(canonical(of), where.format(method)) for method, of in drawn.items() if of}


def combine(config: Config, *, method: str, **_: str) -> dict:
    """The slice of the job that makes one attribution of those of other methods, if it must by their scores."""
    spec = config.method(method)
    return {"method": spec} | (config.first_judge() if spec.get("rule") == "best" else {})


def trace(config: Config, *, data: str, model: str, method: str, **_: str) -> dict:
    """The slice of the job that follows the path of a method's attack."""
    return predict(config, data=data, model=model) | {"method": config.method(method), "target": config.target}


def attack(config: Config, *, data: str, model: str, attack: str, **_: str) -> dict:
    """The slice of the job that makes adversarial images."""
    return predict(config, data=data, model=model) | {"attack": config.attack(attack)}


def train(config: Config, *, training: str, **_: str) -> dict:
    """The slice of the job that trains a model; `images`: digests of those it learns from and is tested on."""
    spec = config.trained(training)
    where = "config: training.{}.{}"
    drawn = {key: listing.content(canonical(of), where.format(training, key)) for key, of in roots.images(spec).items()}
    return {"training": spec, "images": drawn, "dtype": config.dtype, "threads": config.threads}


def perturb(config: Config, *, data: str, model: str, perturbation: str, **_: str) -> dict:
    """The slice of the job that perturbs a shard's images against their explanation."""
    spec = predict(config, data=data, model=model)
    return spec | {"perturbation": config.perturbation(perturbation), "target": config.target}


def compare(config: Config, *, metric: str, methods: list[str], perturbation: str = "", **_: str) -> dict:
    """The slice of the job that compares maps of a shard with those under a perturbation, or of other seeds.

    `methods`: how many other maps each has.
    """
    others = dict.fromkeys(methods, 1) if perturbation else {m: len(config.seeds(metric)[m]) for m in methods}
    readings = {label: config.postprocess[label] for label in config.judged(metric)["postprocess"]}
    spec = {"metric": config.metric(metric), "methods": others, "postprocess": readings, "threads": config.threads}
    if not perturbation:
        return spec
    base, epsilon = config.condition(perturbation)
    return spec | {"perturbation": base, "epsilon": epsilon}


judge = predict  # the slice of the job that classifies adversarial images


def score(config: Config, *, data: str, model: str, method: str, postprocess: str, metric: str, **more: str) -> dict:
    """The slice of the job that scores a shard's attributions; with the method where the metric explains anew.

    `source`: the model of which they are, if that is another.
    """
    spec = predict(config, data=data, model=model)
    spec |= {"postprocess": config.postprocess[postprocess], "metric": config.metric(metric)}
    explaining = config.method(method)
    anew = explains(spec["metric"]["use"], explaining["use"]) and "source" not in more
    return spec | ({"method": explaining} if anew else {})


def table(config: Config, *, metric: str, **_: str) -> dict:
    """The slice of the job that summarises all scores of a metric."""
    published = hashlib.sha256(registry.ROOT.joinpath("published.csv").read_bytes()).hexdigest()[:16]
    settings = {key: value for key, value in config.metrics[metric].items() if key not in JUDGED | CONDITIONS}
    use = config.metrics[metric]["use"]
    comparable = settings == {"use": "insertion_deletion", "order": "channel_union"}
    return {
        "reference": config.reference,
        "controls": _controls(config),
        # of two maps of what does not look at the image, that they are alike is nothing to be told
        "better": {} if pairs(use) else registry.constant("metrics", use, "BETTER") or {},
        "published": published,
        # where the published numbers may stand: maps as they came, and methods at their published settings
        "published_for": [label for label, spec in config.postprocess.items() if not spec] if comparable else [],
        "published_methods": [label for label, spec in config.methods.items() if spec == {"use": label}],
    }


def figure(config: Config, *, data: str, figure: str, **_: str) -> dict:
    """The slice of the job that draws a figure: what it needs, from where, its settings, and the note below it."""
    needs = registry.constant("figures", config.figures[figure]["use"], "NEEDS")
    source, spec = config.source(figure), _settings(config, figure)
    if "order" in registry.parameters("figures", spec["use"]):
        spec.setdefault("order", config.metrics[source["metric"]].get("order", "rise_2d"))
    found = {"figure": spec, "needs": needs, "note": config.note}
    if needs == "scores":
        return found | source
    if needs == "pixels":
        shown = {key: source[key] for key in ("images", "methods", "models")}
        shown["postprocess"] = config.postprocess[source["postprocess"]]
        shown["models"] = {label: config.models[label] for label in shown["models"]}
        base = config.data_set(data)["use"]
        return found | shown | {"data": {"use": base}, "perturbations": config.strongest(**source)}
    if needs == "gallery":
        source["postprocess"] = config.postprocess[source["postprocess"]]
        source["models"] = {label: config.models[label] for label in source["models"]}
        return found | source | {"data": {"use": config.data[data]["use"]}}
    return found


def figure_table(config: Config, *, figure: str, **_: str) -> dict:
    """The slice of the job that writes the table that comes with a figure."""
    return {"figure": _settings(config, figure)}


def _settings(config: Config, figure: str) -> dict:
    """The keywords of a figure and its table; a leaderboard's with what of `better` and `controls` the config knows."""
    source = config.source(figure)
    spec = {key: value for key, value in config.figures[figure].items() if key not in source}
    if config.needs(figure) != "leaderboard":
        return spec
    named = spec.get("controls")
    known = {
        "better": _better(config) | (spec.get("better") or {}),
        "controls": _controls(config) if named is None else named,
    }
    takes = registry.parameters("figures", spec["use"])
    return spec | {key: value for key, value in known.items() if key in takes}


def _controls(config: Config) -> list[str]:
    """The labels of methods that look at no model."""
    return [label for label, spec in config.methods.items() if spec["use"] in CONTROLS]


def _better(config: Config) -> dict[str, str]:
    """Whether higher or lower is better, of every score of the config's metrics."""
    found: dict[str, str] = {}
    for spec in config.metrics.values():
        found |= registry.constant("metrics", spec["use"], "BETTER") or {}
    return found
