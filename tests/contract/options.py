"""The options of the contract suite; the conftest above imports the hook, since only an initial one may add options."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --live and --record."""
    group = parser.getgroup("contract suite")
    group.addoption(
        "--live",
        action="store_true",
        help="also run the contract suite on the Custom Vision resource that CV_GDPR_ENDPOINT and "
        "CV_GDPR_TRAINING_KEY name (or VISION_TRAINING_*), in a throw-away project",
    )
    group.addoption(
        "--record",
        action="store_true",
        help="run the contract suite on the simulator alone and write its cassettes anew",
    )
