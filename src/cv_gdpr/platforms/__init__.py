"""What differs between Linux, macOS and Windows (docs/platforms.md): files, access lists, processes, signals, names.

No other module asks which system it runs on. Each function does the same everywhere, by the means of the system.
"""
