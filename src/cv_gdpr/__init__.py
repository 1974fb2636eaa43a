"""Export and erase everything that an Azure Custom Vision resource holds, and prove it."""

__version__ = "0.1.0"
