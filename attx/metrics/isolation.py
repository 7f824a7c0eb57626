"""What keeps another library's metric apart from the rest: its prints, its draws, its single precision."""

import contextlib
import io
import random
import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from attx.rng import image_key


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Neither prints nor warnings."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def seeded(seed: int, image_id: str | int, device: torch.device) -> Iterator[None]:
    """The global generators seeded for an image, and put back afterwards."""
    key = image_key(seed, image_id)
    kept = random.getstate(), np.random.get_state()
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        random.seed(int(key[0]))
        np.random.seed(key.view(np.uint32))
        torch.manual_seed(int(key[1] >> 1))
        try:
            yield
        finally:
            random.setstate(kept[0])
            np.random.set_state(kept[1])


@contextlib.contextmanager
def casting(model: nn.Module, dtype: torch.dtype) -> Iterator[None]:
    """A model that takes images of any floating type, and computes in `dtype`."""
    handle = model.register_forward_pre_hook(lambda module, inputs: (inputs[0].to(dtype), *inputs[1:]))
    try:
        yield
    finally:
        handle.remove()
