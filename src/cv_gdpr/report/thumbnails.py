"""Small pictures for the pages, made by Pillow in processes of their own: a hostile one costs its thumbnail only."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cv_gdpr.errors import UsageError
from cv_gdpr.extras import install
from cv_gdpr.languages import message

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

    from PIL import Image


LONGEST = 320  # pixels of the longer side
_QUALITY = 80
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")  # no other decoder sees a byte: some start programs
_CHUNK = 32  # pictures of an order to a process
_WINDOW = 16  # orders that are under way at once
_WORKERS = 8  # processes at most
_MOST_MEMORY = 2 << 30  # bytes of address space of a process, for a picture that asks for more than it shows


class Job(NamedTuple):
    """A picture to make small, and where the small one goes."""

    source: str
    target: str


class Made(NamedTuple):
    """The sides of a thumbnail in pixels; where there is none, the reason.

    `is_turned`: the file's EXIF tells browsers to turn or mirror it; the thumbnail and all boxes are not.
    """

    width: int
    height: int
    reason: str = ""
    is_turned: bool = False


Work: TypeAlias = Callable[[list[Job]], list[Made]]


def check_extra() -> None:
    """Raise UsageError without the extra."""
    if find_spec("PIL") is None:
        raise UsageError("a report needs the extra report, which is not installed", install("report"))


def thumbnails(jobs: list[Job], done: Callable[[int], None], work: Work | None = None) -> list[Made]:
    """Make the thumbnails; `done` learns how many there are. Raise OSError if one cannot be written."""
    made: list[Made] = []
    chunks = [jobs[at : at + _CHUNK] for at in range(0, len(jobs), _CHUNK)]
    try:
        for at in range(0, len(chunks), _WINDOW):
            for result in _window(chunks[at : at + _WINDOW], work or make_all, max(1, len(jobs) // _CHUNK)):
                made += result
                done(len(made))
    finally:
        _close()
    return made


_pool: list["ProcessPoolExecutor"] = []


def _window(chunks: list[list[Job]], work: Work, most: int) -> Iterator[list[Made]]:
    """Yield the results of some orders; those that were under way when a process died are repeated one by one."""
    from concurrent.futures.process import BrokenProcessPool

    futures = [_running(most).submit(work, chunk) for chunk in chunks]
    for chunk, future in zip(chunks, futures, strict=True):
        try:
            yield future.result()
        except BrokenProcessPool:
            _close()
            yield _carefully(chunk, work)


def _carefully(jobs: list[Job], work: Work) -> list[Made]:
    """Return the results of an order in which a process may die: in halves, down to the picture that kills it."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        return _running(1).submit(work, jobs).result()
    except BrokenProcessPool:
        _close()
        if len(jobs) == 1:
            Path(jobs[0].target).unlink(missing_ok=True)
            return [Made(0, 0, message("its decoder crashed"))]
        middle = len(jobs) // 2
        return _carefully(jobs[:middle], work) + _carefully(jobs[middle:], work)


def _running(most: int) -> "ProcessPoolExecutor":
    import os
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    if not _pool:
        workers = min(most, _WORKERS, os.cpu_count() or 1)
        _pool.append(ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=prepare))
    return _pool[0]


def _close() -> None:
    while _pool:
        _pool.pop().shutdown(cancel_futures=True)


def prepare() -> None:
    """Prepare a process: Ctrl-C is its parent's, a picture larger than it may be is an error, memory has a limit.

    It ends with its parent, also when that is killed.
    """
    import signal
    import sys
    import threading
    import warnings

    from PIL import Image

    from cv_gdpr.platforms.names import allow_long_paths

    allow_long_paths()
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))


def _end_with_parent() -> None:
    import os
    from multiprocessing import parent_process

    parent = parent_process()
    if parent:
        parent.join()  # returns when it ended, in whatever way
        os._exit(1)


def make_all(jobs: list[Job]) -> list[Made]:
    """Make some thumbnails, in a process of their own."""
    return [_made(job) for job in jobs]


def _made(job: Job) -> Made:
    import os

    from PIL import UnidentifiedImageError

    from cv_gdpr.archive.new_folder import write_text

    try:
        content, made = _small(job.source)
    except UnidentifiedImageError:
        return Made(0, 0, message("not a picture of a known kind"))
    except MemoryError:
        return Made(0, 0, message("decoding it needs too much memory"))
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything for bytes that are not a picture
        return Made(0, 0, f"cannot be decoded: {type(error).__name__}: {os.path.basename(str(error))[:200]}")  # noqa: PTH119
    write_text(Path(job.target), content)
    return made


def _small(source: str) -> tuple[bytes, Made]:
    import os
    from io import BytesIO

    from PIL import Image

    from cv_gdpr.archive.json_files import open_regular

    with os.fdopen(open_regular(source), "rb") as file, Image.open(file, formats=_FORMATS) as picture:
        picture.draft("RGB", fitting(*picture.size))  # JPEG: decoded at an eighth to a half, several times as fast
        picture.thumbnail((LONGEST, LONGEST), Image.Resampling.BILINEAR, reducing_gap=2.0)
        flat = _on_white(picture)
        kept = BytesIO()
        flat.save(kept, "JPEG", quality=_QUALITY, comment=b"")  # Pillow would copy a comment of the picture
        return kept.getvalue(), Made(flat.width, flat.height, is_turned=_is_turned(picture))


def _is_turned(picture: "Image.Image") -> bool:
    from PIL import ExifTags

    try:
        return bool(picture.getexif().get(ExifTags.Base.Orientation, 1) != 1)
    except Exception:  # noqa: BLE001 - a decoder may raise anything; browsers ignore broken EXIF
        return False


def fitting(width: int, height: int) -> tuple[int, int]:
    """Return the sides of the thumbnail of a picture: for a square, `draft` would decode twice as much as it needs."""
    share = LONGEST / max(width, height, 1)
    return max(1, int(width * share)), max(1, int(height * share))


def _on_white(picture: "Image.Image") -> "Image.Image":
    from PIL import Image

    if picture.mode in ("RGB", "L"):
        return picture
    if picture.mode[0] in "IF":
        return _in_8_bits(picture)
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    ground = Image.new("RGB", clear.size, "white")
    ground.paste(clear, mask=clear.getchannel("A"))
    return ground


def _in_8_bits(picture: "Image.Image") -> "Image.Image":
    """Return a greyscale picture of more bits: of 16, each a 256th; of others, its darkest black, its brightest white.

    Pillow's own conversion makes everything above 255 white.
    """
    grey = picture.convert("I") if picture.mode.startswith("I;16") else picture
    low, high = map(float, grey.getextrema())  # type: ignore[arg-type]
    if grey.mode == "I" and low >= 0 and high < 1 << 16:
        low, high = 0.0, 65535.0
    scale = 255 / (high - low) if high > low else 1.0
    return grey.convert("F").point(lambda value: value * scale - low * scale).convert("L")
