"""Any classifier of timm by its name there (with or without a tag, as resnet50.tv_in1k), as its pretrained_cfg says."""

import math
import re
from pathlib import Path

import huggingface_hub
import timm
import timm.data
import torch
from timm.models import PretrainedCfg

from attx.errors import UserError, unknown
from attx.models import state
from attx.models.classifier import Classifier
from attx.models.imagenet import class_names
from attx.models.tuned import tuned
from attx.models.weights import WeightsFile, locate, sha256
from attx.preprocess import Preprocess


def build(
    *, name: str, weights: str = "default", seed: int = 0, classes: int | None = None, size: int | None = None
) -> Classifier:
    """The classifier `name`. `weights`: default (those of the name's tag), random (of `seed`) or a path.

    `classes` other than published only with random or own weights; `size`, the side in pixels (default: the published
    one): models built for one size are built for this, and timm resamples their published position embeddings.
    """
    config = _config(name)
    file = weights_file(name=name, weights=weights)
    if file and classes not in (None, config.num_classes):
        raise UserError(
            f"classes: the weights of {name} have {config.num_classes}; for {classes} take random or own ones"
        )
    classes = classes or config.num_classes
    if not classes:
        raise UserError(f"timm's {name} has no classes (it gives features); with random or own weights, set `classes`")
    path = locate(file) if file else Path(weights).expanduser()
    found = None if weights == "random" else state.read(path)
    overlay = {"state_dict": found, "custom_load": False}
    if not file:
        overlay |= {"num_classes": classes, "label_offset": 0}  # else timm would leave out a head it thinks another
    options = {"num_classes": classes}
    if size and config.fixed_input_size:
        options["img_size"] = size
    net = _net(name, seed, None if found is None else path, overlay, options)
    return Classifier(
        tuned(net),
        preprocess=_preprocess(config, size),
        classes=classes,
        class_names=class_names(classes),
        fixed_size=config.fixed_input_size,
        weights_sha256="random" if found is None else sha256(path),
    )


def names() -> list[str]:
    """The names of timm's models, without tags."""
    return timm.list_models()


def weights_file(*, name: str, weights: str = "default", **_: object) -> WeightsFile | None:
    """The file of the published weights, which timm would take; None for random or own ones."""
    config = _config(name)
    if weights != "default":
        return None
    if config.hf_hub_id:
        remote = config.hf_hub_filename or "model.safetensors"
        url = huggingface_hub.hf_hub_url(config.hf_hub_id, remote)
        return WeightsFile(f"{config.hf_hub_id.rsplit('/', 1)[1]}{Path(remote).suffix}", url)
    if config.url:
        filename = config.url.rsplit("/", 1)[1]
        digest = re.search(r"-([0-9a-f]{8,})\.", filename)
        return WeightsFile(filename, config.url, digest[1] if digest else "")
    raise UserError(f"timm has no published weights for {name}: take `weights: random` or a path")


def _config(name: str) -> PretrainedCfg:
    if not timm.is_model(name):
        raise unknown("timm model", name, names())
    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # an unknown tag
        bare = name.split(".")[0]
        raise unknown("timm model", name, timm.list_models(f"{bare}.*", pretrained=True)) from error
    if config.input_size[0] != 3:
        raise UserError(f"timm's {name} takes {config.input_size[0]} channels; attx explains models of RGB images")
    return config


def _net(name: str, seed: int, path: Path | None, overlay: dict, options: dict) -> torch.nn.Module:
    """timm's own way of loading, since its models rename and reshape what older weight files hold."""
    try:
        with state.seeded(seed):
            net = timm.create_model(name, pretrained=path is not None, pretrained_cfg_overlay=overlay, **options)
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError, AssertionError) as error:
        if path:
            raise state.misfit(path, name, error) from error
        raise UserError(f"timm cannot build {name} with {options}: {error}") from error
    net.pretrained_cfg.pop("state_dict", None)  # a second copy of the weights
    return net


def _preprocess(config: PretrainedCfg, size: int | None) -> Preprocess:
    """As timm's evaluation transform; its `border` mode, which no classifier there has, would be taken as `center`."""
    data = timm.data.resolve_data_config(pretrained_cfg=config.to_dict())
    height, width = (size, size) if size else data["input_size"][1:]
    scaled = tuple(math.floor(side / data["crop_pct"]) for side in (height, width))
    return Preprocess(
        size=height if height == width else (height, width),
        resize=scaled if data["crop_mode"] == "squash" else min(scaled),
        interpolation=data["interpolation"],
        mean=data["mean"],
        std=data["std"],
    )
