"""A local simulator of the Custom Vision Training API v3.4-preview, which the official SDK calls over real HTTP."""

from cv_gdpr.simulator.faults import Call, Fault
from cv_gdpr.simulator.server import Simulator

__all__ = ["Call", "Fault", "Simulator"]
