"""How an image becomes a model's input: resize, centre crop, and the mean and std that the model itself applies."""

import json
from dataclasses import asdict, dataclass, fields

import numpy as np
from PIL import Image

from attx.data.images import MAX_PIXELS, to_rgb
from attx.errors import UserError, unknown

Size = int | tuple[int, int]
INTERPOLATIONS = {mode.name.lower(): mode for mode in Image.Resampling}


@dataclass(frozen=True)
class Preprocess:
    """The transform that belongs to a model's weights, with the arithmetic of torchvision's `weights.transforms()`.

    `size`: the input's side, or (height, width), in pixels. `resize`: the length of the shorter side before the centre
    crop; (height, width) to resize to exactly that before the crop; None to resize plainly to `size`, without a crop.
    `interpolation`: nearest, bilinear, bicubic, lanczos, box or hamming (PIL's, antialiased).
    `mean`, `std`: per channel, on the scale [0, 1]; the model applies them, `apply` does not.
    """

    size: Size
    resize: Size | None = None
    interpolation: str = "bilinear"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        for name in ("size", "resize", "mean", "std"):  # JSON and YAML bring lists
            value = getattr(self, name)
            object.__setattr__(self, name, tuple(value) if isinstance(value, (list, tuple)) else value)
        if self.interpolation not in INTERPOLATIONS:
            raise unknown("interpolation", self.interpolation, INTERPOLATIONS)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the model's input."""
        return _pair(self.size)

    def apply(self, image: Image.Image) -> np.ndarray:
        """The image as float32 (3, height, width) in [0, 1], not normalised. Other modes than RGB: see `to_rgb`."""
        height, width = self.shape
        image = to_rgb(image)
        wide, high = self._resized(*image.size)
        if wide * high > MAX_PIXELS:
            raise UserError(f"resize: {self.resize} would make {wide} x {high} pixels of an image: take less")
        image = image.resize((wide, high), INTERPOLATIONS[self.interpolation])
        left, top = _offset(image.width, width), _offset(image.height, height)
        image = image.crop((left, top, left + width, top + height))  # outside the image: black
        return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1)).astype(np.float32) / np.float32(255)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        if not isinstance(self.resize, int):
            return _pair(self.resize or self.size)[::-1]
        longer = int(self.resize * max(width, height) / min(width, height))
        return (self.resize, longer) if width <= height else (longer, self.resize)

    def to_json(self) -> str:
        """One line of JSON from which `from_json` makes an equal Preprocess."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Preprocess":
        """The Preprocess that `to_json` wrote."""
        values = json.loads(text)
        return cls(**{field.name: values[field.name] for field in fields(cls)})


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _offset(have: int, want: int) -> int:
    """Where the centre crop begins; negative (padding) where the image is too small. Rounded as torchvision rounds."""
    return -((want - have) // 2) if have < want else round((have - want) / 2)
