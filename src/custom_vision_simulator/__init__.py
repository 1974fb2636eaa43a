"""A local simulator of the Custom Vision Training API v3.4-preview, which the official SDK calls over real HTTP."""

from custom_vision_simulator.faults import Call, Fault
from custom_vision_simulator.records import Lock, Options
from custom_vision_simulator.server import Simulator

__all__ = ["Call", "Fault", "Lock", "Options", "Simulator"]
