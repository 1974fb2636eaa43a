"""The bytes that belong to a record, derived from its JSON as the service sent it or as an export stores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cv_gdpr.links import without_query
from cv_gdpr.table.findings import MOST_OF_MODEL, Blob

if TYPE_CHECKING:
    from cv_gdpr.verbatim import Json


def none(record: Json, stem: str) -> tuple[Blob, ...]:
    """Return nothing: a record of a row without bytes."""
    del record, stem
    return ()


def of_image(record: Json, stem: str = "") -> tuple[Blob, ...]:
    """Return the bytes of an image."""
    del stem
    return image_blobs(record, "images")


def of_prediction(record: Json, stem: str = "") -> tuple[Blob, ...]:
    """Return the bytes of an image that was sent for prediction."""
    del stem
    return image_blobs(record, "predictions")


def image_blobs(record: Json, folder: str) -> tuple[Blob, ...]:
    """Return the bytes of an image or a stored prediction: the original, and the resized where its path differs.

    An original without a link has an empty one, so that it counts as missing.
    """
    original, resized = link_in(record, "originalImageUri"), link_in(record, "resizedImageUri")
    blobs = [Blob(f"{folder}/{record['id']}", original)]
    if resized and without_query(resized) != without_query(original):
        blobs.append(Blob(f"{folder}-resized/{record['id']}", resized))
    return tuple(blobs)


def link_in(record: Json, name: str) -> str:
    """Return the link in a field, or an empty string if it has none."""
    link = record.get(name)
    return link if isinstance(link, str) else ""


def of_model(record: Json, stem: str) -> tuple[Blob, ...]:
    """Return the bytes of an exported model whose status is Done; its URI is null before."""
    uri = link_in(record, "downloadUri")
    done = uri or str(record.get("status")).lower() == "done"
    return (Blob(stem, uri, suffix_of(uri), MOST_OF_MODEL),) if done else ()


def suffix_of(uri: str) -> str:
    """Return the file suffix in a URI's path, for formats without a signature of their own (CoreML, ONNX)."""
    _, dot, suffix = without_query(uri).rpartition("/")[2].rpartition(".")
    return f".{suffix.lower()}" if dot and suffix.isascii() and suffix.isalnum() and len(suffix) <= 10 else ""
