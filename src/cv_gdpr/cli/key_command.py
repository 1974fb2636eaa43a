"""Runs the command of --key-command without a shell; its standard output is the key, and appears nowhere."""

import selectors
import subprocess
import time
from contextlib import ExitStack, suppress
from typing import IO, cast

from cv_gdpr.errors import UsageError
from cv_gdpr.masking import RUN, know_likely_keys, masked
from cv_gdpr.platforms.processes import OF_ITS_OWN, end_with_children, executable, pollable
from cv_gdpr.settings import words_of

TIME_LIMIT = 60.0  # seconds: time to unlock a password manager
_LONGEST = 1 << 16  # bytes of each stream that are read
_POLL = 0.1  # seconds between two looks whether it has ended
_SHOWN = 300  # characters of its errors


def printed_by(command: str) -> bytes:
    """Return what a command prints; raise UsageError if it cannot be run, fails, or takes too long."""
    words = words_of(command, "--key-command")
    know_likely_keys(command)  # the key itself instead of a command: no message may quote it
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, without a shell
            [executable(words[0]), *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **OF_ITS_OWN,  # so that all that it starts can be ended; it has no terminal to ask on either
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds a null character"
        raise UsageError(f"--key-command: {_shown(words[0])} cannot be run: {reason}", _HINT) from error
    try:
        out, errors = _read(process, words[0])
        code = process.wait(TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise _too_slow(words[0]) from None
    finally:
        _end(process)
    if code:
        _remember(out)
        text = errors.decode(errors="replace")
        know_likely_keys(text)  # as `set -x` of a script shows it
        said = _shown(text)
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        raise UsageError(f"--key-command: {_shown(words[0])} {ended}{f': {said}' if said else ''}", _HINT)
    return out


_HINT = "it is run without a shell: for pipes and variables, write a script and name that"


def _read(process: subprocess.Popen[bytes], name: str) -> tuple[bytes, bytes]:
    """Return both streams once the process has closed them, or has ended: what it started may hold them open.

    Raise UsageError at the limits of time and length.
    """
    deadline = time.monotonic() + TIME_LIMIT
    out, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector, ExitStack() as opened:
        for stream, buffer in ((process.stdout, out), (process.stderr, errors)):
            pipe, come, close = pollable(cast(IO[bytes], stream).fileno(), _LONGEST)
            opened.callback(close)
            selector.register(pipe, selectors.EVENT_READ, (buffer, come))
        while selector.get_map():
            has_ended = process.poll() is not None
            ready = selector.select(min(_POLL, max(0.0, deadline - time.monotonic())))
            if not ready and has_ended:
                break
            if time.monotonic() >= deadline:
                raise _too_slow(name)
            for key, _ in ready:
                buffer, come = key.data
                buffer.extend(part := come())
                if not part:
                    selector.unregister(key.fileobj)
                if len(buffer) > _LONGEST:
                    raise UsageError(f"--key-command: {_shown(name)} prints too much", _HINT)
    return bytes(out), bytes(errors)


def _too_slow(name: str) -> UsageError:
    return UsageError(
        f"--key-command: {_shown(name)} did not end within {TIME_LIMIT:.0f} s",
        "it cannot ask a person: its standard input is closed",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, if it still runs, and those that it started."""
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()
    with suppress(OSError):
        end_with_children(process)
    process.wait()


def _remember(out: bytes) -> None:
    """Keep what a failed command printed out of all messages: it may repeat the key on standard error."""
    for line in out.decode(errors="replace").splitlines():
        RUN.know_key(line.strip())


def _shown(text: str) -> str:
    return masked(" ".join(text.split()))[:_SHOWN]
