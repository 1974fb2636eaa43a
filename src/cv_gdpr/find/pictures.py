"""Pictures decoded by OpenCV, in grey: most changes that people make leave the brightness of a picture as it is."""

import os
from typing import NamedTuple, TypeAlias

_MOST_PIXELS = 1 << 27  # of a picture; one that claims more is not decoded
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(_MOST_PIXELS))  # OpenCV reads it when it is imported
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy reads it likewise: each core searches a picture of its own

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from cv_gdpr.archive.sides import sides_of_jpeg  # noqa: E402

Grey: TypeAlias = NDArray[np.uint8]

cv2.setNumThreads(1)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it would write of broken pictures to standard error

_REDUCED = {2: cv2.IMREAD_REDUCED_GRAYSCALE_2, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4, 8: cv2.IMREAD_REDUCED_GRAYSCALE_8}
_REDUCED_COLOUR = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


class Undecodable(ValueError):
    """Bytes that OpenCV cannot decode: not a picture, cut off, or with too many pixels."""


class Picture(NamedTuple):
    """A picture in grey, no larger than asked for, upright as its EXIF says; `width` and `height`: of the original."""

    pixels: Grey
    width: int
    height: int


def decoded(content: bytes, longest: int) -> Picture:
    """Return a picture, reduced if a side is longer than `longest` pixels; raise Undecodable."""
    sides = sides_of_jpeg(content)
    factor = _reduction(max(sides), longest) if sides else 1
    pixels = _pixels(content, _REDUCED.get(factor, cv2.IMREAD_GRAYSCALE))
    height, width = pixels.shape
    if sides:  # turned as its EXIF says
        width, height = sorted(sides, reverse=width >= height)
    return Picture(shrunk(pixels, longest), width, height)


def in_colour(content: bytes, longest: int) -> Grey:
    """Return blue, green and red of a picture for a person to look at, reduced as above; raise Undecodable."""
    sides = sides_of_jpeg(content)
    factor = _reduction(max(sides), longest) if sides else 1
    return shrunk(_pixels(content, _REDUCED_COLOUR.get(factor, cv2.IMREAD_COLOR)), longest)


def _pixels(content: bytes, how: int) -> Grey:
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), how)
    except (cv2.error, MemoryError) as error:
        raise Undecodable("too many pixels, or not a picture") from error
    if pixels is None or not pixels.size:
        raise Undecodable("not a picture that OpenCV can decode")
    return np.asarray(pixels, np.uint8)


def shrunk(pixels: Grey, longest: int) -> Grey:
    """Return a picture whose longer side has at most `longest` pixels."""
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    sides = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, sides, interpolation=cv2.INTER_AREA), np.uint8)


def _reduction(side: int, longest: int) -> int:
    """Return by how much a JPEG can be reduced while it is decoded, which is faster, and still be large enough."""
    return next((factor for factor in (8, 4, 2) if side >= factor * longest * 1.2), 1)
