"""The environment of a command: proxies, certificates, locales, limits, odd arguments."""
