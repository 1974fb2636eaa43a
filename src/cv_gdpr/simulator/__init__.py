"""A local stand-in for the Custom Vision Training API v3.4-preview, spoken to over real HTTP by the official SDK."""

from cv_gdpr.simulator.faults import Call, Fault
from cv_gdpr.simulator.server import Simulator

__all__ = ["Call", "Fault", "Simulator"]
