"""Closes a folder as a BagIt bag (RFC 8493): manifest, bag-info, tag manifest, and `bagit.txt` last."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cv_gdpr.archive.bag_info import info_line
from cv_gdpr.archive.durability import make_durable
from cv_gdpr.archive.writing import HashedFile, write_durably, write_whole

BAGIT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
OXUM = "Payload-Oxum"
_AT_ONCE = 1000  # lines


def close(
    folder: Path,
    payload: Iterator[tuple[str, int, str]],
    info: list[tuple[str, str]],
    temporary: Callable[[], str],
    more: Mapping[str, str] | None = None,
) -> None:
    """Write the tag files of a bag; `bagit.txt` is written once all the rest is durable. Raise OSError.

    `payload` yields path below data/, size and SHA-256 of each file, `temporary` returns a new temporary path. `more`
    are other tag files that the tag manifest names, with their SHA-256.
    """
    manifest = HashedFile(temporary())
    size, files = 0, 0
    while part := list(itertools.islice(payload, _AT_ONCE)):
        manifest.write("".join(f"{digest}  data/{path}\n" for path, _, digest in part).encode())
        size, files = size + sum(one for _, one, _ in part), files + len(part)
    manifest.rename(folder / "manifest-sha256.txt")
    text = "".join(info_line(label, value) for label, value in [*info, (OXUM, f"{size}.{files}")])
    tags = {
        "bag-info.txt": write_whole(folder / "bag-info.txt", text, temporary()),
        "bagit.txt": hashlib.sha256(BAGIT.encode()).hexdigest(),
        "manifest-sha256.txt": manifest.sha256,
        **(more or {}),
    }
    listed = "".join(f"{digest}  {name}\n" for name, digest in tags.items())
    write_whole(folder / "tagmanifest-sha256.txt", listed, temporary())
    make_durable(folder)
    write_durably(folder / "bagit.txt", BAGIT, temporary())
