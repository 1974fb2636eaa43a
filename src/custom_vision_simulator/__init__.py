"""A local stand-in for the Custom Vision Training API v3.4-preview, spoken to over real HTTP by the official SDK."""

from custom_vision_simulator.faults import Call, Fault
from custom_vision_simulator.records import Options
from custom_vision_simulator.server import Simulator

__all__ = ["Call", "Fault", "Options", "Simulator"]
