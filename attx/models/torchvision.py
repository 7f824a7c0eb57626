"""Any classifier of torchvision by its name there, with the weights, transform and class names of its weights enum."""

from pathlib import Path

import torch
import torchvision.models
from torchvision.models import WeightsEnum

from attx.errors import UserError, unknown
from attx.models import state
from attx.models.classifier import Classifier
from attx.models.imagenet import CLASSES, class_names
from attx.models.tuned import tuned
from attx.models.weights import WeightsFile, locate, sha256
from attx.preprocess import Preprocess

AUXILIARY = {"inception_v3": ("AuxLogits",), "googlenet": ("aux1", "aux2")}  # heads that serve training alone
ONE_SIZE = {"vit_": "image_size", "maxvit_": "input_size"}  # built for one size, which the builder takes by this name


def build(
    *, name: str, weights: str = "default", seed: int = 0, classes: int = 1000, size: int | None = None
) -> Classifier:
    """The classifier `name`. `weights`: default, random (of `seed`), the name of one of its enum's, or a path.

    `classes` other than published only with random or own weights; `size`, the side in pixels, is free
    where the model takes any, else (vision transformers, MaxViT) only with random or own weights.
    """
    published = _published(name, weights)
    native = published.transforms().crop_size[0]
    file = weights_file(name=name, weights=weights)
    _check(name, published if file else None, native, classes, size)
    path = locate(file) if file else Path(weights).expanduser()
    found = None if weights == "random" else state.read(path)
    net = _net(name, found, seed, classes, size or native)
    if found is not None:
        state.load_into(net, found, path)
    for head in AUXILIARY.get(name, ()):
        net.aux_logits = False
        setattr(net, head, None)
    return Classifier(
        tuned(net),
        preprocess=_preprocess(published, size or native),
        classes=classes,
        class_names=class_names(classes),
        fixed_size=_one_size(name) is not None,
        weights_sha256="random" if found is None else sha256(path),
    )


def untuned(*, name: str, seed: int, classes: int, size: int | None = None) -> Classifier:
    """The classifier `name` with random weights, its batch norms still layers of their own, as training needs them."""
    published = _published(name, "random")
    native = published.transforms().crop_size[0]
    _check(name, None, native, classes, size)
    return Classifier(
        _net(name, None, seed, classes, size or native),
        preprocess=_preprocess(published, size or native),
        classes=classes,
        fixed_size=_one_size(name) is not None,
    )


def names() -> list[str]:
    """The names of torchvision's classifiers."""
    return torchvision.models.list_models(module=torchvision.models)


def weights_file(*, name: str, weights: str = "default", **_: object) -> WeightsFile | None:
    """The file of the published weights; None for random or own ones."""
    published = _published(name, weights)
    if weights != "default" and weights not in type(published).__members__:
        return None
    filename = published.url.rsplit("/", 1)[1]
    return WeightsFile(filename, published.url, Path(filename).stem.rsplit("-", 1)[1])


def _published(name: str, weights: str) -> WeightsEnum:
    """The published weights that are asked for, or those whose transform random or own ones take."""
    if name not in names():
        raise unknown("torchvision model", name, names())
    enum = torchvision.models.get_model_weights(name)
    return enum.__members__.get(weights, enum.DEFAULT)


def _check(name: str, published: WeightsEnum | None, native: int, classes: int, size: int | None) -> None:
    if published and classes != CLASSES:
        raise UserError(
            f"classes: the published weights of {name} have {CLASSES}; for {classes} take random or own weights"
        )
    if published and _one_size(name) and size not in (None, native):
        raise UserError(
            f"size: the published weights of {name} are for {native} pixels; for {size} take random or own ones"
        )
    least = max(_published(name, "default").meta["min_size"])
    if size is not None and size < least and not _one_size(name):
        raise UserError(f"size: {name} takes images of {least} pixels and more, not {size}")


def _net(name: str, found: dict | None, seed: int, classes: int, size: int) -> torch.nn.Module:
    options = {"num_classes": classes}
    if name in AUXILIARY:
        # the published weights expect another normalisation than their transform gives; the network converts
        options |= {"transform_input": True, "aux_logits": any(key.startswith(AUXILIARY[name]) for key in found or ())}
    if name in AUXILIARY or name.startswith("vgg"):
        options["init_weights"] = found is None  # a slow draw
    one = _one_size(name)
    if one:
        options[one] = (size, size) if one == "input_size" else size
    try:
        with state.seeded(seed):
            return torchvision.models.get_model_builder(name)(weights=None, **options)
    except (ValueError, RuntimeError, AssertionError) as error:
        raise UserError(f"torchvision cannot build {name} with {options}: {error}") from error


def _one_size(name: str) -> str | None:
    return next((option for prefix, option in ONE_SIZE.items() if name.startswith(prefix)), None)


def _preprocess(published: WeightsEnum, size: int) -> Preprocess:
    transform = published.transforms()
    resize = round(transform.resize_size[0] * size / transform.crop_size[0])
    interpolation, mean, std = transform.interpolation.value, tuple(transform.mean), tuple(transform.std)
    return Preprocess(size=size, resize=resize, interpolation=interpolation, mean=mean, std=std)
