"""Fixtures of the tests about the Azure resource."""

import pytest

from tests.account.azure import Azure


@pytest.fixture
def azure(sim, cli):
    """The command line with Resource Manager and a managed identity."""
    return Azure(sim, cli)
