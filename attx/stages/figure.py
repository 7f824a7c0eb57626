"""Draw one figure from the scores of a data set, or from a gallery of its images and maps."""

from pathlib import Path

from attx import frames, registry
from attx.figures import style
from attx.stages.gallery import gallery
from attx.stages.pixels import pixels


def run(
    spec: dict,
    *,
    scores: list[Path],
    shards: list[Path],
    stores: list[Path],
    perturbed: list[Path],
    under: list[Path],
    pdf: Path,
    png: Path,
) -> None:
    """`spec`: {figure, needs, note} and, for a gallery, {data, models, image_ids, methods, postprocess}.

    For pixels also {perturbations: label: [name, epsilon]}: images in the stores `perturbed`, maps of them in `under`.
    """
    figure = registry.load("figures", spec["figure"]["use"])
    params = registry.params(spec["figure"])
    if spec["needs"] == "gallery":
        source = gallery(spec, shards, stores)
    elif spec["needs"] == "pixels":
        source = pixels(spec, gallery(spec, shards, stores), perturbed, under)
    else:
        curves = registry.constant("figures", spec["figure"]["use"], "CURVES")
        source = frames.read(scores[0], None if curves else frames.plain(scores[0]))
    style.save(figure.draw(source, **params), pdf, png, note=spec["note"])
    print(f"{pdf}, and as PNG")
