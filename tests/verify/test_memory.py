"""The memory use of verification does not depend on the number of images in a bag."""

import gc
import tracemalloc

import pytest

from cv_gdpr.archive import json_files
from cv_gdpr.errors import StorageError
from cv_gdpr.verify import bag, facts, verify
from tests.benchmarks.bags import make


def peak(out):
    """Return the peak memory of Python during a verification, in bytes, without what waits to be collected."""
    usual = gc.get_threshold()
    gc.set_threshold(100)
    tracemalloc.start()
    try:
        assert verify(out).differences == []
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.set_threshold(*usual)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_images(tmp_path, monkeypatch):
    for module, name, most in ((facts, "_AT_ONCE", 4), (bag, "_TOGETHER", 4), (json_files, "_AT_ONCE", 4096)):
        monkeypatch.setattr(module, name, most)  # small buffers, so that only real growth is measured
    for name, images in (("few", 50), ("many", 4000)):
        make(tmp_path / name, images, 50, 2)
    verify(tmp_path / "many")  # import and allocate everything that the first use needs

    few, many = (min(peak(tmp_path / name) for _ in range(3)) for name in ("few", "many"))

    assert many - few < 800_000, (few, many)  # less than 200 bytes an image; it varies by some 400 kB


def fill(pages):
    with facts.Facts() as noted:
        list(noted.ask(f"PRAGMA max_page_count = {pages}"))
        for number in range(10_000):
            noted.add("id", "images", number, bytes(100))


def test_a_full_temporary_file_is_reported():
    fill(1000)
    with pytest.raises(StorageError, match="cannot write a temporary file: database or disk is full"):
        fill(20)
