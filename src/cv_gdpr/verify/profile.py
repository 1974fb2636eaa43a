"""Compares bag-info.txt with the BagIt Profile that it names, if that is ours (BagIt Profiles Specification 1.3.0)."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from cv_gdpr.archive.bag_info import PROFILE


def contradictions(pairs: list[tuple[str, str]]) -> Iterator[str]:
    """Yield what the profile wants otherwise; nothing for a bag that names none, or one that is not ours."""
    if PROFILE not in pairs:
        return
    info = dict(pairs)
    for label, rule in _bag_info().items():
        if rule["required"] and not info.get(label, "").strip():
            yield f"does not say {label}, which its BagIt Profile requires"
        if label in info and info[label] not in rule.get("values", (info[label],)):
            yield f"says {label}: {info[label]}, which its BagIt Profile does not allow"


def unknown(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the line that names a profile which is not ours: another tool's, or another version's; no difference."""
    label, ours = PROFILE
    others = [value for name, value in pairs if name == label and value != ours]
    return [(label, f"{value} (not known here, not checked)") for value in others]


@cache
def _bag_info() -> dict[str, dict[str, Any]]:
    text = (files("cv_gdpr.archive") / "bagit-profile.json").read_text("utf-8")
    rules: dict[str, dict[str, Any]] = json.loads(text)["Bag-Info"]
    return rules
