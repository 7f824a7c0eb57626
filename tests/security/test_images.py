"""Images come from others: none takes more memory than its bounds, none runs another program, no name commands."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from attx.data import images, listing
from attx.data.entry import Entry
from attx.data.images import BadImage, decode
from attx.errors import UserError, printable
from attx.preprocess import Preprocess


def block(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes) -> bytes:
    """A black PNG, whose header says that it is so large, with more blocks."""
    header = block(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = block(b"IDAT", zlib.compress(bytes(8 * 25)))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + pixels + block(b"IEND", b"")


def tiff(**tags: int) -> bytes:
    """A TIFF of 16 x 16 pixels with LZW's compression and these tags, t322 and so on."""
    every = {256: 16, 257: 16, 258: 8, 259: 5, 262: 1, 277: 1} | {int(name[1:]): value for name, value in tags.items()}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, every[tag]) for tag in sorted(every))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(every)) + entries + bytes(68)


def webp(width: int, height: int) -> bytes:
    """An animation of one small picture on a canvas of that size."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "webp", lossless=True)
    sides = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    frame = bytes(16) + file.getvalue()[12:]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + sides + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    body += b"ANMF" + struct.pack("<I", len(frame)) + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif(frames: int) -> bytes:
    file = io.BytesIO()
    pictures = [Image.new("P", (8, 8), i % 256) for i in range(frames)]
    for i, picture in enumerate(pictures):
        picture.putpixel((0, 0), i % 255)
    pictures[0].save(file, "gif", save_all=True, append_images=pictures[1:])
    return file.getvalue()


def scans(times: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, "jpeg", progressive=True)
    data = file.getvalue()[:-2]
    return data + data[data.rindex(b"\xff\xda") :] * times + b"\xff\xd9"


ZEROS = zlib.compress(bytes(10**8), 9)
BOMBS = {
    "png": png(60_000, 60_000),
    "png text": png(8, 8, block(b"zTXt", b"x\0\0" + ZEROS)),
    "png international text": png(8, 8, block(b"iTXt", b"x\0\1\0\0\0" + ZEROS)),
    "png texts": png(8, 8, block(b"zTXt", b"x\0\0" + zlib.compress(bytes(10**6))) * 80),
    "png profile": png(8, 8, block(b"iCCP", b"x\0\0" + ZEROS)),
    "tiff tiles": tiff(t322=40_000, t323=40_000, t324=100, t325=40),
    "tiff": tiff(t256=60_000, t257=60_000, t273=100, t279=40),
    "tiff strips": tiff(t278=2**32 - 1, t273=100, t279=2**31),
    "webp": webp(16_383, 16_383),
    "gif": gif(1)[:6] + b"\xff\xff\xff\xff" + gif(1)[10:],
    "ppm": b"P6 100000 100000 255\n",
    "ppm digits": b"P6 " + b"9" * 5000 + b" 5 255\n",
    "bmp": b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 2**31 - 1, 1, 1, 24, *[0] * 6),
    "jpeg scans": scans(images.MAX_SCANS),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(touch harmed) system\n",
}


WORDS = {"tiff tiles": "too large: 40000x40000", "jpeg scans": "more than 200 scans", "eps": "not an image"}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.filterwarnings("ignore:Tag data larger than file")
def test_bombs_are_refused_before_they_are_unpacked(name, monkeypatch):
    new = Image.core.new

    def small(mode: str, size: tuple[int, int]) -> object:
        return new(mode, size) if size[0] * size[1] < 10**6 else pytest.fail(f"room was made for {size}")

    monkeypatch.setattr(Image.core, "new", small)
    with pytest.raises(BadImage, match=WORDS.get(name)):
        decode(BOMBS[name])


def test_of_frames_the_first_alone_is_decoded():
    assert decode(gif(50)).size == (8, 8)
    assert decode(scans(2)).size == (64, 64)


def test_a_file_without_end_is_not_read(tmp_path):
    (tmp_path / "sparse.png").touch()
    os.truncate(tmp_path / "sparse.png", 2**40)
    with pytest.raises(BadImage, match="the file has more than 512 MiB"):
        images.fetch(Entry("a", str(tmp_path / "sparse.png"), 0))


def test_what_a_source_reads_is_bounded_too_and_postscript_goes_to_no_program(tmp_path, monkeypatch):
    with pytest.raises(BadImage, match="too narrow"):
        images.fetch(Entry("a", "x", 0), read=lambda entry: Image.new("L", (1, 200)))
    from attx.data import torchvision

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    (tmp_path / "gs").write_text("#!/bin/sh\ntouch harmed\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    Image.new("RGB", (8, 8)).save("x.jpg", "eps")
    with pytest.raises(UserError):
        torchvision.build(name="MNIST", root=str(tmp_path))
    with pytest.raises(OSError, match="Ghostscript"):
        Image.open("x.jpg").load()
    assert not (tmp_path / "harmed").exists()


def test_a_strip_is_not_resized_to_a_ribbon_without_end():
    strip = Image.new("RGB", (1, images.MAX_ASPECT))
    with pytest.raises(UserError, match=r"resize: 8192 would make 8192 x 819200 pixels"):
        Preprocess(224, resize=8192).apply(strip)
    assert Preprocess(8, resize=16).apply(strip).shape == (3, 8, 8)


LISTS = ("classes", "ground_truth", "file")


@pytest.mark.parametrize("key", LISTS)
def test_lists_without_end_are_not_read(key, tmp_path):
    (tmp_path / "a").mkdir()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "a/ILSVRC2012_val_00000001.JPEG")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 2**40)
    spec = {"classes": {"use": "folder", "root": str(tmp_path)}, "file": {"use": "csv"}}
    spec |= {"ground_truth": {"use": "imagenet", "root": str(tmp_path / "a")}}
    for name in ("/dev/zero", "pipe", "sparse", "x\0y"):
        with pytest.raises(UserError, match=r"not a regular file|larger than|null"):
            listing.entries(spec[key] | {key: str(tmp_path / name)})


def test_names_that_command_a_terminal_or_forge_a_log_are_refused(tmp_path):
    for name in ("a\x1b[2Jb", '"a\rb"', "a\u202eb", "a\0b", '"a\nerror: b"', "\x9b2J"):
        (tmp_path / "l.csv").write_text(f"path,label,image_id\na.png,1,{name}\n")
        with pytest.raises(UserError, match="control characters in the names of 1 images") as error:
            listing.entries({"use": "csv", "file": str(tmp_path / "l.csv")})
        assert printable(error.value) == str(error.value)
    assert printable("a\nb\x1b[2J\u202e") == "a\nb\\x1b[2J\\u202e"


def test_labels_beyond_numbers_are_refused(tmp_path):
    (tmp_path / "l.csv").write_text(f"path,label\na.png,{'9' * 5000}\n")
    with pytest.raises(UserError, match="is not a whole number"):
        listing.entries({"use": "csv", "file": str(tmp_path / "l.csv")})
