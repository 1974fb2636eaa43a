"""What people do to a photograph, as functions of pixels (blue, green, red) that return new ones."""

import cv2
import numpy as np

TEXT = "Visitor, 3 May"


def jpeg(pixels, quality=85):
    """Return the pixels as they are after they were compressed."""
    return cv2.imdecode(np.frombuffer(as_jpeg(pixels, quality), np.uint8), cv2.IMREAD_COLOR)


def as_jpeg(pixels, quality=85):
    """Return the bytes of a JPEG."""
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def resized(pixels, across, down=None):
    """Return a picture that is `across` times as wide, and `down` times as high."""
    height, width = pixels.shape[:2]
    sides = round(width * across), round(height * (down or across))
    return cv2.resize(pixels, sides, interpolation=cv2.INTER_AREA if across < 1 else cv2.INTER_CUBIC)


def brighter(pixels, gain, more=0):
    """Return a picture with other brightness; what gets too bright is white."""
    return np.clip(pixels.astype(np.float32) * gain + more, 0, 255).astype(np.uint8)


def gamma(pixels, power):
    """Return a picture with a curve applied to its brightness."""
    return (255 * (pixels / 255.0) ** power).astype(np.uint8)


def bar_over(pixels):
    """Return a picture whose lower edge is under a bar with a caption."""
    pixels, height, width = pixels.copy(), *pixels.shape[:2]
    bar = height // 8
    pixels[height - bar :] = 20
    cv2.putText(pixels, TEXT, (width // 20, height - bar // 4), 0, bar / 45, (255, 255, 255), 2)
    return pixels


def text_over(pixels):
    """Return a picture with a caption written on it."""
    pixels, height, width = pixels.copy(), *pixels.shape[:2]
    at = (width // 20, height - height // 12)
    cv2.putText(pixels, TEXT, at, 0, height / 260, (255, 255, 255), max(2, height // 150))
    return pixels


def caption_below(pixels):
    """Return a picture with a bar added below."""
    height, width = pixels.shape[:2]
    bar = np.full((height // 7, width, 3), 245, np.uint8)
    cv2.putText(bar, TEXT, (width // 20, height // 10), 0, height / 400, (0, 0, 0), 2)
    return np.vstack([pixels, bar])


def framed(pixels, level=240, part=12):
    """Return a picture with a frame of one colour around it."""
    border = [max(pixels.shape[:2]) // part] * 4
    return cv2.copyMakeBorder(pixels, *border, cv2.BORDER_CONSTANT, value=(level,) * 3)


def cropped(pixels, share, across, down):
    """Return a crop with this share of the area; 0, 0 is the corner at the top left, 1, 1 the other."""
    height, width = pixels.shape[:2]
    high, wide = round(height * share**0.5), round(width * share**0.5)
    top, left = round((height - high) * down), round((width - wide) * across)
    return pixels[top : top + high, left : left + wide].copy()


def pasted(pixels, other, share=0.5):
    """Return another picture into which this one was pasted."""
    height, width = pixels.shape[:2]
    sides = round(width / share**0.5), round(height / share**0.5)
    canvas = cv2.resize(other, sides)
    top, left = (sides[1] - height) // 3, (sides[0] - width) // 2
    canvas[top : top + height, left : left + width] = pixels
    return canvas


def grey(pixels):
    """Return a picture without colours."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)


WHOLE = {
    "jpeg 90": lambda one: jpeg(one, 90),
    "jpeg 50": lambda one: jpeg(one, 50),
    "jpeg 20": lambda one: jpeg(one, 20),
    "half the size": lambda one: jpeg(resized(one, 0.5)),
    "a third of the size": lambda one: jpeg(resized(one, 0.34)),
    "twice the size": lambda one: jpeg(resized(one, 2)),
    "stretched": lambda one: jpeg(resized(one, 1.25, 1)),
    "narrowed": lambda one: jpeg(resized(one, 0.75, 1)),
    "mirrored": lambda one: jpeg(one[:, ::-1]),
    "upside down": lambda one: jpeg(one[::-1, ::-1]),
    "turned left": lambda one: jpeg(np.rot90(one)),
    "turned right": lambda one: jpeg(np.rot90(one, 3)),
    "mirrored, turned, half": lambda one: jpeg(resized(np.rot90(one[:, ::-1]), 0.5), 75),
    "grey": lambda one: jpeg(grey(one)),
    "darker": lambda one: jpeg(brighter(one, 0.6)),
    "less contrast": lambda one: jpeg(brighter(one, 0.6, 50)),
    "caption below": lambda one: jpeg(caption_below(one)),
    "white frame": lambda one: jpeg(framed(one)),
    "black frame, half": lambda one: jpeg(resized(framed(one, 10, 8), 0.5)),
}
"""The whole picture is there: mostly certain."""
COVERED = {
    "brighter": lambda one: jpeg(brighter(one, 1.3, 15)),  # its highlights are gone
    "gamma 1.6": lambda one: jpeg(gamma(one, 1.6)),
    "bar over it": lambda one: jpeg(bar_over(one)),
    "text over it": lambda one: jpeg(text_over(one)),
}
"""Something of the picture is gone: a copy, often not certain."""
PARTS = {
    "80 % of it": lambda one: jpeg(cropped(one, 0.8, 0.5, 0.5)),
    "66 %, a corner": lambda one: jpeg(cropped(one, 0.66, 0, 0)),
    "50 %, a corner": lambda one: jpeg(cropped(one, 0.5, 1, 1)),
    "50 %, enlarged": lambda one: jpeg(resized(cropped(one, 0.5, 0.5, 0.5), 1.41)),
    "50 %, half the size": lambda one: jpeg(resized(cropped(one, 0.5, 1, 0), 0.5)),
}
"""Crops: never certain."""


def frame_of_camera(background, visitor, random, *, height=0.15, noise=3.0):
    """Return a frame of a fixed camera in which a visitor stands somewhere; None: nobody."""
    frame = background.astype(np.float32)
    if visitor is not None:
        tall = round(frame.shape[0] * height)
        wide = round(tall * 0.45)
        shape = np.zeros((tall, wide), np.float32)
        cv2.ellipse(shape, (wide // 2, tall * 5 // 8), (wide // 2 - 1, tall * 3 // 8 - 1), 0, 0, 360, 1, -1)
        cv2.circle(shape, (wide // 2, tall // 6), tall // 6, 1, -1)
        opaque = cv2.GaussianBlur(shape, (0, 0), 0.7)[..., None]
        top, left = (int(random.integers(0, most)) for most in (frame.shape[0] - tall, frame.shape[1] - wide))
        place = frame[top : top + tall, left : left + wide]
        place[:] = place * (1 - opaque) + cv2.resize(visitor, (wide, tall)) * opaque
    lit = frame * random.uniform(0.94, 1.06) + random.normal(0, noise, frame.shape)
    return np.clip(lit, 0, 255).astype(np.uint8)
