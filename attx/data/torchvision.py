"""The classification sets that torchvision reads (CIFAR10, MNIST, Flowers102, GTSRB ...), from a local folder."""

import inspect
import pickle
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import EpsImagePlugin, Image

from attx.data.entry import Entry
from attx.errors import UserError, unknown

if TYPE_CHECKING:
    from torch.utils.data import Dataset

REFUSE_DUPLICATES = False  # a published benchmark is used as it is
SETS = (
    *("CIFAR10", "CIFAR100", "Country211", "DTD", "EuroSAT", "FGVCAircraft", "FashionMNIST", "Flowers102", "Food101"),
    *("GTSRB", "Imagenette", "KMNIST", "MNIST", "OxfordIIITPet", "RenderedSST2", "STL10", "SUN397", "SVHN"),
    *("StanfordCars", "USPS"),
)


def build(*, name: str, root: str, split: str = "test") -> list[Entry]:
    """The images of the set `name`, with torchvision's own labels; ids such as "CIFAR10-test-00007".

    `root` and `split` are torchvision's (train or test where it has a flag `train`; sets without splits ignore it).
    Nothing is downloaded: UserError, saying how to get the files, if they are not there.
    """
    if name not in SETS:
        raise unknown("torchvision set", name, SETS)
    targets = _labels(_dataset(name, root, split))
    return [
        Entry(f"{name}-{split}-{index:05d}", f"{root}#{name}/{split}/{index}", label)
        for index, label in enumerate(targets)
    ]


def read(entry: Entry) -> Image.Image:
    """The entry's image, which torchvision takes out of its own files."""
    root, _, place = entry.path.rpartition("#")
    name, split, index = place.split("/")
    return _dataset(name, root, split)[int(index)][0]


@lru_cache(maxsize=2)
def _dataset(name: str, root: str, split: str) -> "Dataset":
    import torchvision

    EpsImagePlugin.gs_binary = False  # torchvision opens whatever PIL can, and PIL gives PostScript to Ghostscript
    kind = getattr(torchvision.datasets, name)
    taken = inspect.signature(kind).parameters
    if "train" in taken and split not in ("train", "test"):
        raise UserError(f"split: {name} has train and test, not {split!r}")
    options = {"train": split == "train"} if "train" in taken else {"split": split} if "split" in taken else {}
    try:
        return kind(root=str(Path(root).expanduser()), **options)
    except ValueError as error:  # an unknown split
        raise UserError(f"split: {error}") from error
    except (RuntimeError, OSError, pickle.UnpicklingError) as error:
        arguments = ", ".join(
            f"{key}={value!r}" for key, value in ({"root": root} | options | {"download": True}).items()
        )
        raise UserError(
            f"torchvision's {name} is not in {root}, or not whole ({error}). Where there is a network, run\n"
            f'  python -c "from torchvision.datasets import {name}; {name}({arguments})"\n'
            f"and bring what it wrote to {root}"
        ) from error


def _labels(dataset: "Dataset") -> list[int]:
    """All labels, without decoding images where the set keeps them apart (torchvision has no common name for it)."""
    for attribute in ("targets", "labels", "_labels"):
        if hasattr(dataset, attribute):
            return [int(label) for label in getattr(dataset, attribute)]
    if hasattr(dataset, "_samples"):
        return [int(label) for _, label in dataset._samples]
    return [int(dataset[index][1]) for index in range(len(dataset))]
