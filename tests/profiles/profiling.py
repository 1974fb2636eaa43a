"""Helpers for the tests of profiles: a config.toml for simulators."""

from pathlib import Path

from tests.platforms import need, posix


class Config:
    """The user's configuration, in a folder that only its owner can change; each profile has a file with its key."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.path = folder / "config.toml"
        self.write("")

    def write(self, text: str) -> None:
        """Write the whole file."""
        self.path.write_text(text)
        self.path.chmod(0o600)

    def add(self, name: str, sim, **settings: str) -> None:
        """Add a profile for a simulator; `settings` are TOML values, and an empty one leaves a setting out."""
        key = self.path.with_name(f"key-of-{name}")
        key.write_text(sim.training_key)
        key.chmod(0o600)
        lines = {"endpoint": f'"{sim.endpoint}"', "key_file": f'"{key.name}"'} | settings
        body = "".join(f"{setting.replace('_', '-')} = {value}\n" for setting, value in lines.items() if value)
        self.write(f"{self.path.read_text()}\n[profiles.{name}]\n{body}")


def without_connection(cli, config: Config):
    """Return the command line without the endpoint and the key of the environment, with this configuration."""
    bare = type(cli)("", "")
    bare.variables |= {"CV_GDPR_CONFIG": str(config.path)}
    return bare


def sent(sim) -> list[str]:
    """Return the operations that a simulator was asked for."""
    return [call.operation for call in sim.calls]


def runs(number: str) -> bool:
    """Return whether the process of that number still runs, as /proc says."""
    need("processes")
    try:
        return Path(f"/proc/{int(number)}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


only_posix_terminals = posix("terminals")
