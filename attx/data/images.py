"""Image files to RGB images: what is converted, what is refused, and in which words."""

import hashlib
import io
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps

from attx.data.entry import Entry
from attx.errors import UserError

SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".ppm", ".pgm", ".bmp", ".tif", ".tiff", ".webp"))
FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP", "GIF")  # not all of PIL's: EPS would run Ghostscript
MAX_PIXELS = 89_478_485  # PIL warns from here on, and a decoded image takes 268 MB
MAX_BYTES = 2**29  # of a file, of which the largest images take less
MAX_SCANS = 200  # of a JPEG, of which each takes as long as the image: usual are 1 to 12
TILE_WIDTH, TILE_HEIGHT = 322, 323  # tags of TIFF
MAX_ASPECT = 100  # resizing the shorter side of a longer strip would blow up the other

Read = Callable[[Entry], Image.Image]

_opening = threading.Lock()  # filters of warnings belong to the process, not to a thread


class BadImage(ValueError):
    """An image that cannot be used; the message is the reason, without the file's name."""


def open_rgb(path: str | Path, *, upright: bool = False) -> Image.Image:
    """The file as an RGB image, decoded to its end; UserError, naming the file, if that cannot be.

    `upright` turns it by its EXIF orientation. Data sets are read without, as torchvision does; published accuracies
    were got that way.
    """
    try:
        return decode(_bytes(path), upright=upright)
    except BadImage as error:
        raise UserError(f"{path}: {error}") from error


def fetch(entry: Entry, read: Read | None = None) -> tuple[Image.Image, str]:
    """The entry's RGB image and the sha256 of its file, or of its pixels where `read` is given. Raises BadImage."""
    if read is None:
        data = _bytes(entry.path)
        return decode(data), hashlib.sha256(data).hexdigest()
    try:
        image = read(entry)
        check_size(image)
        image = to_rgb(image)
    except (BadImage, UserError):
        raise
    except Exception as error:  # the source's files may be damaged in any way
        raise BadImage(f"cannot be decoded: {str(error) or type(error).__name__}") from error
    return image, hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()


def decode(data: bytes, *, upright: bool = False) -> Image.Image:
    """An encoded image, decoded whole, in RGB (of several frames the first). Raises BadImage."""
    if not data:
        raise BadImage("the file is empty")
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MAX_SCANS:
        raise BadImage(f"has more than {MAX_SCANS} scans, which take too long to decode; save it anew")
    try:
        with _opening, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # an error follows
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        check_size(image)
        image.load()
        return to_rgb(ImageOps.exif_transpose(image) if upright else image)
    except BadImage:
        raise
    except Image.UnidentifiedImageError as error:
        raise BadImage("not an image") from error
    except Image.DecompressionBombError as error:
        raise BadImage(f"too large: {error}") from error
    except Exception as error:  # PIL's decoders raise nearly anything on damaged files
        raise BadImage(f"cannot be decoded: {str(error) or type(error).__name__}") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB. Grayscale, palette, CMYK and the like are converted as torchvision does (`convert("RGB")`).

    An alpha channel is dropped if it is opaque throughout. Raises BadImage where a conversion would be a guess:
    transparent pixels (what is behind them?) and 16 or 32 bit grayscale (what is white?).
    """
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise BadImage(f"mode {image.mode}: more than 8 bits a pixel; scale it to 8 bits first")
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
        raise BadImage("has transparent pixels; flatten it onto a background first")
    return image.convert("RGB")


def check_size(image: Image.Image) -> None:
    """Raises BadImage for an image that takes too much memory, before it is decoded."""
    width, height = image.size
    tags = getattr(image, "tag_v2", {})  # of TIFF, whose tiles may be larger than the image
    wide, high = (max(side, tags.get(tag, 0)) for side, tag in ((width, TILE_WIDTH), (height, TILE_HEIGHT)))
    if wide * high > MAX_PIXELS:
        raise BadImage(f"too large: {wide}x{high} pixels, the limit is {MAX_PIXELS}; shrink it first")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise BadImage(f"too narrow: {width}x{height} pixels, sides may differ {MAX_ASPECT} times at most")


def _bytes(path: str | Path) -> bytes:
    path = Path(path)
    if not path.exists():
        raise BadImage("a link to a file that does not exist" if path.is_symlink() else "no such file")
    if not path.is_file():
        raise BadImage("not a regular file")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadImage(f"too large: the file has more than {MAX_BYTES >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise BadImage(f"cannot be read: {error.strerror}") from error
