"""Blob paths in the forms that the real service uses (recorded sessions)."""

from __future__ import annotations

from custom_vision_simulator.records import Export


def bare(ident: str) -> str:
    """Return an id without its dashes."""
    return ident.replace("-", "")


def image(project_id: str, image_id: str) -> str:
    """Return the path of the resized image, which is normally the original as well."""
    return f"/i-{bare(project_id)}/i-{bare(image_id)}"


def thumbnail(project_id: str, image_id: str) -> str:
    """Return the path of an image's thumbnail."""
    return f"/i-{bare(project_id)}/t-{bare(image_id)}"


def original(project_id: str, image_id: str) -> str:
    """Return the path of an original stored as a separate blob ([infer]: never recorded)."""
    return f"/o-{bare(project_id)}/o-{bare(image_id)}"


def model(project_id: str, iteration_id: str, export: Export) -> str:
    """Return the path of an exported model ([infer] where the flavor goes: only models without one were recorded)."""
    flavor = f".{export.flavor}" if export.flavor else ""
    return f"/m-{bare(project_id)}/{bare(iteration_id)}.{export.platform}{flavor}.zip"


def prediction(project_id: str, prediction_id: str, kind: str = "o") -> str:
    """Return the path of a stored prediction's image, or with kind "t" of its thumbnail."""
    return f"/predictionimages/{project_id}/{kind}-{bare(prediction_id)}"


def project_export(project_id: str) -> str:
    """Return the path of the blob that a token of ExportProject names."""
    return f"/prjexp-{bare(project_id)}/project-export-info"
