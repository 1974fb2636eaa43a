"""Small pictures for a page, in the page itself."""

from base64 import b64encode

import cv2
import numpy as np

from cv_gdpr.find.pictures import Undecodable, in_colour
from cv_gdpr.find.result import Outline

_LONGEST = 320
_QUALITY = 80
_LINE = (255, 120, 0)  # blue, green, red


def thumbnail(content: bytes, outline: Outline | None = None) -> str:
    """Return a picture as a data: link, with the outline of the photograph in it; empty if it cannot be decoded."""
    try:
        shown = in_colour(content, _LONGEST)
    except Undecodable:
        return ""
    if outline:
        height, width = shown.shape[:2]
        corners = np.array([(x * width, y * height) for x, y in outline.corners]).clip(-10_000, 10_000)
        cv2.polylines(shown, [corners.round().astype(np.int32)], True, _LINE, 2)
    _, encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"data:image/jpeg;base64,{b64encode(encoded.tobytes()).decode()}"
