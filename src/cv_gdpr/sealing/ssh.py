"""Signatures as `ssh-keygen -Y sign` makes them and `ssh-keygen -Y verify` checks them, in the namespace cv-gdpr.

OpenSSH itself does both, so that agents and hardware tokens work, and anybody can check without this program.
"""

import logging
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cv_gdpr.errors import NotSealed, UsageError
from cv_gdpr.platforms.files import reason_of

NAMESPACE = "cv-gdpr"
_LOG = logging.getLogger("cv_gdpr")
_TIME_LIMIT = 60.0  # seconds: a token waits for a touch, an agent for a confirmation
_WITH_KEY = re.compile(r"with \S+ key (SHA256:\S+)")
_NO_PROMPT = {"SSH_ASKPASS_REQUIRE": "never"}
TRIAL = b"a trial signature of cv-gdpr: it attests nothing\n"
_HINTS = {
    "incorrect passphrase": "load it into an agent (ssh-add KEY), and name its public key: --sign KEY.pub",
    "No private key found": "load the key into an agent (ssh-add); SSH_AUTH_SOCK names the agent",
    "bad permissions": "let only its owner read it: chmod 600",
    "communication with agent": "start an agent, and load the key (ssh-add); SSH_AUTH_SOCK names the agent",
    "agent refused": "the agent has the key and does not sign: unlock it, or touch the token",
    "unknown option": "it needs OpenSSH 8.9 or newer",
    "illegal option": "it needs OpenSSH 8.9 or newer",
}


class Signer(NamedTuple):
    """A key that signs: its file (private, or public where an agent holds the other half), and its fingerprint.

    `trial` is its signature of TRIAL.
    """

    key: Path
    fingerprint: str
    trial: bytes

    def sign(self, content: bytes) -> bytes:
        """Return the armoured signature of `content`; raise NotSealed, also if the file holds another key now."""
        signature = _signature(self.key, content)
        if (found := fingerprint_of(signature, content)) != self.fingerprint:
            raise NotSealed(f"{self.key} is another key than at the beginning: {found}, not {self.fingerprint}")
        return signature


def signer_with(key: Path) -> Signer:
    """Return the signer of a key after a trial signature, which shows that it can sign now; raise NotSealed."""
    if not key.is_file():
        raise NotSealed(f"--sign {key} {'is not a file' if key.exists() else 'does not exist'}")
    signature = _signature(key, TRIAL)
    return Signer(key, fingerprint_of(signature, TRIAL), signature)


def _signature(key: Path, content: bytes) -> bytes:
    asking = bool(sys.stdin) and sys.stdin.isatty()
    if asking and _is_on_token(key):  # what ssh-keygen itself says of it is captured
        _LOG.warning("Note: touch the hardware token of %s", key)
    done = _ssh_keygen(["-Y", "sign", "-f", str(key), "-n", NAMESPACE], content, asking=asking)
    if done.returncode or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise NotSealed(f"no signature with {key}: {_said(done)}", _hint(done))
    return done.stdout


def _is_on_token(key: Path) -> bool:
    """Return whether the public part of a key says that a hardware token (FIDO) signs with it."""
    public = next((one for one in (key.with_name(f"{key.name}.pub"), key) if one.is_file()), key)
    return b"sk-" in public.read_bytes()[:100]


class Wrong(ValueError):
    """A signature that does not hold; the message says why."""


def fingerprint_of(signature: bytes, content: bytes) -> str:
    """Return the fingerprint of the key that signed `content`; anyone may own it. Raise Wrong."""
    with TemporaryDirectory(prefix="cv-gdpr-") as folder:
        file = _file(folder, "signature", signature)
        done = _ssh_keygen(["-Y", "check-novalidate", "-n", NAMESPACE, "-s", file], content)
    return _key_in(done)


class Known(NamedTuple):
    """Who signed, as the list of allowed signers names them, and the fingerprint of their key."""

    principal: str
    key: str


def is_pattern(principal: str) -> bool:
    """Return whether a list of allowed signers has a pattern (ssh_config(5), PATTERNS) in place of a name."""
    return bool(set("*?!,") & set(principal))


def is_same_name(one: str, other: str) -> bool:
    """Return whether two names are spellings of the same: without case, outer blanks, and forms of Unicode."""
    first, second = (unicodedata.normalize("NFKC", name).casefold().strip() for name in (one, other))
    return first == second


class Signers(NamedTuple):
    """The content of a file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS)."""

    content: bytes

    def who(self, signature: bytes, content: bytes, at: datetime | None = None) -> Known:
        """Return who signed `content`, by a key that is valid `at` that time (by default now); raise Wrong."""
        return self.everyone(signature, content, at)[0]

    def everyone(self, signature: bytes, content: bytes, at: datetime | None = None) -> list[Known]:
        """Return each name under which the list has the key that signed `content`; raise Wrong if there is none."""
        time = [f"-Overify-time={at.astimezone():%Y%m%d%H%M%S}"] if at else []
        with TemporaryDirectory(prefix="cv-gdpr-") as folder:
            names, file = _file(folder, "signers", self.content), _file(folder, "signature", signature)
            found = _ssh_keygen(["-Y", "find-principals", "-f", names, "-s", file, *time], b"")
            known = []
            for name in dict.fromkeys(found.stdout.decode(errors="replace").splitlines()):
                ask = ["-Y", "verify", "-f", names, "-I", name, "-n", NAMESPACE, "-s", file, *time]
                done = _ssh_keygen(ask, content)
                if not done.returncode:
                    known.append(Known(name, _key_in(done)))
        if known:
            return known
        if found.stdout.strip():
            raise Wrong(f"the signature does not hold: {_said(done)}")
        said = _said(found)
        said = "none of them has its key" if "No principal matched" in said else said
        raise Wrong(f"no allowed signer made this signature: {said}")


def signers_in(path: Path, option: str) -> Signers:
    """Return the allowed signers in a file; raise UsageError if it cannot be read or lists nobody."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{option} {path}: {reason_of(error, path)}") from error
    lines = (line.strip() for line in content.splitlines())
    if not any(line and not line.startswith(b"#") for line in lines):
        raise UsageError(
            f"{option} {path} lists nobody",
            'a line is: NAME namespaces="cv-gdpr" ssh-ed25519 AAAA...; see ssh-keygen(1), ALLOWED SIGNERS',
        )
    return Signers(content)


def is_there() -> bool:
    """Return whether this machine has ssh-keygen."""
    return shutil.which("ssh-keygen") is not None


def _file(folder: str, name: str, content: bytes) -> str:
    path = Path(folder) / name
    path.write_bytes(content)
    return str(path)


def _ssh_keygen(arguments: list[str], content: bytes, *, asking: bool = False) -> "subprocess.CompletedProcess[bytes]":
    """Run ssh-keygen; unless `asking`, it has no terminal and no window to ask on. Raise NotSealed."""
    program = shutil.which("ssh-keygen")
    if program is None:
        raise NotSealed(
            "this machine has no ssh-keygen, which signs and checks signatures",
            "install OpenSSH: openssh-client in Debian and Ubuntu, openssh-clients in Fedora",
        )
    try:
        return subprocess.run(  # noqa: S603 - without a shell, and the arguments are ours and a path
            [program, *arguments],
            input=content,
            capture_output=True,
            timeout=_TIME_LIMIT * (5 if asking else 1),
            env=os.environ | {"LC_ALL": "C"} | ({} if asking else _NO_PROMPT),
            start_new_session=not asking,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotSealed(
            "ssh-keygen did not end in time", "does a token wait for a touch, or an agent for you?"
        ) from None
    except OSError as error:
        raise NotSealed(f"ssh-keygen cannot be run: {error.strerror}") from error


def _key_in(done: "subprocess.CompletedProcess[bytes]") -> str:
    """Return the fingerprint that ssh-keygen prints of a signature that holds; raise Wrong."""
    found = _WITH_KEY.search(done.stdout.decode(errors="replace"))
    if done.returncode or not found:
        raise Wrong(f"the signature does not hold: {_said(done)}")
    return found[1]


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    """Return the last thing that ssh-keygen said, in one line and without the paths of temporary files."""
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Signing data", "Could not verify", "No principal matched"))]
    text = (told or lines or [f"ssh-keygen ended with code {done.returncode}"])[-1]
    return re.sub(r"\S*/cv-gdpr-[^/\s]*/signers:", "line ", text)


def _hint(done: "subprocess.CompletedProcess[bytes]") -> str | None:
    text = done.stderr.decode(errors="replace")
    return next((hint for words, hint in _HINTS.items() if words in text), None)
