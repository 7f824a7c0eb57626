"""attx against captum, torchattacks and Quantus for what they share: same model, images and numbers of passes."""

import contextlib
import importlib
import io
import warnings
from collections.abc import Callable, Iterator

from torch import Tensor
from torch.nn import Module

from attx import registry
from attx.attribution.forward import target_output
from attx.batch_size import CPU
from attx.metrics.insertion_deletion import insertion_deletion
from benchmarks import clock, models
from benchmarks.setting import Missing, Setting, Table
from benchmarks.worker import pixels_per_step

EPSILON = 16 / 255
Pair = tuple[str, Callable[[], object], Callable[[], object], float]  # what, theirs, attx's, factor of theirs


def table(setting: Setting) -> Table:
    """A row for each pair; a library that is not installed gets a note."""
    few = setting.device == "cpu"
    found = Table(
        "Other libraries",
        notes=["theirs / attx: seconds of the library, called as its documentation has it, / attx's."],
    )
    plan = setting.plans[0]
    try:
        model = models.load(plan.model, setting.device)
    except Missing as reason:
        found.notes.append(f"skipped: {reason}")
        return found
    images, targets, source = models.images_for(model, 4 if few else 8, setting.device, setting.dtype)
    found.notes.append(f"{plan.model}, {len(images)} of {source}, float32.")
    count = 2 if setting.quick else 6 if few else 50
    for library in (captum, torchattacks, quantus):
        try:
            for what, theirs, ours, factor in library(model, images, targets, count):
                sides = {"theirs": theirs, "attx": ours}
                timers = {name: lambda side=side: clock.timed(side, setting.device) for name, side in sides.items()}
                times = clock.interleaved(timers, 2 if setting.quick else 3)
                ratio = clock.ratio(times["theirs"], times["attx"], factor)
                found.rows.append({"library": library.__name__, "what": what} | clock.spread("theirs / attx", ratio))
        except Missing as reason:
            found.notes.append(f"{library.__name__} skipped: {reason}")
    return found


def imported(package: str) -> object:
    """The package; Missing if it is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise Missing(str(error)) from error


def explains(method: str, model: Module, images: Tensor, targets: Tensor, **params: object) -> Callable[[], Tensor]:
    """A call of attx's method."""
    built = registry.load("attribution", method).build(**params)
    return lambda: built(model, images, targets, list(range(len(images))))


def captum(model: Module, images: Tensor, targets: Tensor, count: int) -> Iterator[Pair]:
    """Integrated gradients, where attx calls captum in batches of its own, and SmoothGrad."""
    attr = imported("captum.attr")
    output = target_output(model, "probability")
    path = attr.IntegratedGradients(output)
    noisy = attr.NoiseTunnel(attr.Saliency(output))
    given = {"additional_forward_args": targets}
    yield (
        f"integrated gradients, {count} points",
        lambda: path.attribute(images, n_steps=count, **given),
        explains("integrated_gradients", model, images, targets, steps=count, batch_size=CPU),
        1,
    )
    yield (
        f"SmoothGrad, {count} copies",
        lambda: noisy.attribute(images, nt_type="smoothgrad", nt_samples=count, stdevs=0.15, abs=False, **given),
        explains("smoothgrad", model, images, targets, copies=count, batch_size=CPU),
        1,
    )


def torchattacks(model: Module, images: Tensor, targets: Tensor, count: int) -> Iterator[Pair]:
    """Attacks with the same steps and copies."""
    package = imported("torchattacks")
    steps = 2
    for name, their_name, theirs, ours in (
        ("mi", "MIFGSM", {}, {}),
        ("sini", "SINIFGSM", {"m": 5}, {"copies": 5}),
        ("vmi", "VMIFGSM", {"N": count}, {"copies": count}),
    ):
        attack = getattr(package, their_name)(model, eps=EPSILON, alpha=EPSILON / steps, steps=steps, **theirs)
        own = registry.load("attacks", name).build(steps=steps, batch_size=CPU, **ours)
        yield (
            ", ".join([f"`{name}`", f"{steps} steps", *(f"{key} {value}" for key, value in ours.items())]),
            lambda attack=attack: attack(images, targets),
            lambda own=own: own.run(model, images, targets),
            1,
        )


def quantus(model: Module, images: Tensor, targets: Tensor, count: int) -> Iterator[Pair]:
    """Pixel flipping: deletion alone, so that a forward is compared with a forward."""
    with contextlib.redirect_stdout(io.StringIO()):
        package = imported("quantus")
    pixels = images[0, 0].numel()
    step = pixels_per_step(pixels, count)
    values = max(many for many in range(1, 3 * step + 1) if pixels % many == 0)  # Quantus takes no others
    flips, forwards = 3 * pixels // values, 2 * -(-pixels // step)
    metric = package.PixelFlipping(features_in_step=values, abs=False, normalise=False, disable_warnings=True)
    arrays = [part.cpu().numpy() for part in (images, targets, images.flip(2))]

    def theirs() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return metric(model, *(a.copy() for a in arrays), channel_first=True, device=str(images.device))

    def ours() -> object:
        return insertion_deletion(
            model, images, images.flip(2), "flat_3hw", step, target=targets, batch_size=min(64, 4 * len(images))
        )

    yield f"pixel flipping, {flips} steps: time a forward", theirs, ours, forwards / flips
