#!/usr/bin/env python3
"""Writes the files beside it: what other implementations make of small pictures. Run it as it is; it makes its own
virtual environment. What a file holds is said where it is written."""

import io
import os
import subprocess
import sys
import tempfile

PACKAGES = ["pillow==13.0.0", "numpy==2.4.6", "av==18.1.0", "opencv-python-headless==5.0.0.93", "simplejpeg==1.9.0"]

if os.environ.get("GOLDEN_VENV") != "1":
    with tempfile.TemporaryDirectory() as venv:
        subprocess.check_call([sys.executable, "-m", "venv", venv])
        subprocess.check_call([venv + "/bin/pip", "install", "-q", *PACKAGES])
        sys.exit(subprocess.call([venv + "/bin/python", __file__], env={**os.environ, "GOLDEN_VENV": "1"}))

import av
import cv2
import numpy as np
import simplejpeg
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(20)


def write(name, *parts):
    path = os.path.join(HERE, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        for p in parts:
            f.write(p if isinstance(p, bytes) else np.ascontiguousarray(p, np.uint8).tobytes())


def picture(w, h):
    """A picture with slopes, edges and some noise."""
    y, x = np.mgrid[0:h, 0:w]
    a = np.stack([x * 255 / w, y * 255 / h, (x + y) * 128 / (w + h) + 60], -1)
    a[(x // 5 + y // 7) % 4 == 0] = [230, 40, 90]
    return np.clip(a + rng.normal(0, 6, a.shape), 0, 255).astype(np.uint8)


def colour():
    """colour.bin, by libswscale: for BT.601 and BT.709, for limited and full range, 256 pixels: their planes Y, U, V,
    then R G B. Limited samples keep to their range: libswscale wraps around beyond it."""
    out = []
    for space in (Colorspace.ITU601, Colorspace.ITU709):
        for source in (ColorRange.MPEG, ColorRange.JPEG):
            planes = rng.integers(0, 256, (3, 16, 16), dtype=np.uint8)
            if source == ColorRange.MPEG:
                planes = np.clip(planes, 16, [[[235]], [[240]], [[240]]]).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv444p")
            flags = Interpolation.POINT | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
            rgb = VideoReformatter().reformat(
                frame, format="rgb24", src_colorspace=space, dst_colorspace=space, src_color_range=source,
                dst_color_range=ColorRange.JPEG, interpolation=flags,
            )
            out += [planes, rgb.to_ndarray()]
    write("colour.bin", *out)


def resize():
    """resize.bin, by OpenCV's INTER_LINEAR: an RGB picture of 40×36, then the same as 32×24 and as 96×100."""
    a = picture(40, 36)
    write("resize.bin", a, *(cv2.resize(a, size, interpolation=cv2.INTER_LINEAR) for size in ((32, 24), (96, 100))))


def jpegs():
    """jpeg/*.jpg, and by libjpeg their luma plane (jpeg/*.y), or all three (jpeg/*.yuv)."""
    a = picture(43, 27)
    image = Image.fromarray(a)

    def save(name, **options):
        b = io.BytesIO()
        (image.convert("L") if options.pop("grey", False) else image).save(b, "JPEG", **options)
        golden(name, b.getvalue())

    def golden(name, data):
        write(f"jpeg/{name}.jpg", data)
        decoded = Image.open(io.BytesIO(data))
        if decoded.mode == "L":
            write(f"jpeg/{name}.y", np.asarray(decoded))
            return
        decoded.draft("YCbCr", None)
        planes = np.asarray(decoded).transpose(2, 0, 1)
        assert decoded.mode == "YCbCr"
        if name.startswith("444"):
            write(f"jpeg/{name}.yuv", planes)
        else:  # libjpeg smoothes subsampled chroma
            write(f"jpeg/{name}.y", planes[0])

    save("444", subsampling=0, quality=90)
    save("444-best", subsampling=0, quality=100)
    save("444-poor", subsampling=0, quality=5)
    save("444-optimized", subsampling=0, quality=80, optimize=True)
    save("422", subsampling=1, quality=85)
    save("420", subsampling=2, quality=85)
    save("grey", grey=True, quality=85)
    save("444-restart", subsampling=0, quality=85, restart_marker_blocks=2)
    save("420-restart", subsampling=2, quality=85, restart_marker_rows=1)
    save("progressive", quality=85, progressive=True)
    for sampling in ("440", "411"):
        golden(sampling, simplejpeg.encode_jpeg(a, quality=85, colorsubsampling=sampling))
    b = io.BytesIO()
    image.save(b, "JPEG", subsampling=1, quality=75)
    data = b.getvalue()
    golden("422-tables", data)
    at = 2
    while data[at + 1] != 0xDA:  # what many webcams send: no Huffman tables
        size = data[at + 2] * 256 + data[at + 3] + 2
        if data[at + 1] == 0xC4:
            data = data[:at] + data[at + size :]
        else:
            at += size
    write("jpeg/422-no-tables.jpg", data)


def pictures():
    """pictures/*, and by Pillow their pixels as RGB over white, upright (pictures/*.rgb)."""
    a = picture(13, 9)
    alpha = np.dstack([a, np.linspace(0, 255, 13 * 9).reshape(9, 13).astype(np.uint8)])

    def golden(name, data, upright=None):
        write("pictures/" + name, data)
        i = upright or Image.open(io.BytesIO(data))
        i = i.convert("RGBA")
        page = Image.new("RGBA", i.size, "white")
        write(f"pictures/{name}.rgb", np.asarray(Image.alpha_composite(page, i).convert("RGB")))

    def save(name, image, kind, **options):
        b = io.BytesIO()
        image.save(b, kind, **options)
        golden(name, b.getvalue())

    rgb, rgba = Image.fromarray(a), Image.fromarray(alpha)
    save("rgb.png", rgb, "PNG")
    save("alpha.png", rgba, "PNG")
    save("palette.png", rgb.quantize(7), "PNG")
    save("palette-1bit.png", rgb.quantize(2), "PNG")
    save("palette-transparent.png", rgb.quantize(7), "PNG", transparency=3)
    save("grey.png", rgb.convert("L"), "PNG")
    save("grey-alpha.png", rgba.convert("LA"), "PNG")
    wide = a.astype(np.uint16) * 257 + rng.integers(-100, 100, a.shape)
    ok, data = cv2.imencode(".png", np.clip(wide, 0, 65535).astype(np.uint16)[:, :, ::-1])
    write("pictures/16bit.png", data.tobytes())
    write("pictures/16bit.png.rgb", (np.clip(wide, 0, 65535).astype(np.uint16) >> 8).astype(np.uint8))
    save("rgb.bmp", rgb, "BMP")
    save("palette.bmp", rgb.quantize(7), "BMP")
    save("lossless.webp", rgb, "WEBP", lossless=True)
    save("lossless-alpha.webp", rgba, "WEBP", lossless=True, exact=True)
    red, green = np.meshgrid(np.linspace(20, 255, 16), np.linspace(0, 220, 12))
    smooth = np.stack([red, green, np.full((12, 16), 90)], -1).astype(np.uint8)
    save("lossy.webp", Image.fromarray(smooth), "WEBP", quality=95)
    faded = np.dstack([smooth, np.linspace(100, 255, 16 * 12).reshape(12, 16)]).astype(np.uint8)
    save("lossy-alpha.webp", Image.fromarray(faded), "WEBP", quality=95)
    save("cmyk.jpg", Image.fromarray(smooth).convert("CMYK"), "JPEG", quality=100)
    save("progressive.jpg", Image.fromarray(smooth), "JPEG", quality=95, progressive=True, subsampling=0)
    save("rgb.jpg", Image.fromarray(smooth), "JPEG", quality=95, keep_rgb=True)
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        b = io.BytesIO()
        rgb.save(b, "JPEG", quality=95, subsampling=0, exif=exif)
        upright = Image.open(io.BytesIO(b.getvalue())).convert("RGB")
        if orientation in turns:
            upright = upright.transpose(turns[orientation])
        golden(f"exif{orientation}.jpg", b.getvalue(), upright)


colour()
resize()
jpegs()
pictures()
