"""The environment that a command finds: proxies, certificates, locales, limits, odd arguments."""
