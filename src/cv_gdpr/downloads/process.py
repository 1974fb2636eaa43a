"""The parent's side of the download process: starts it, sends it orders, reads its results."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import IO, Any, NamedTuple, Self

from cv_gdpr import errors
from cv_gdpr.archive.spelling import on_disk, utf_8
from cv_gdpr.archive.writing import Received, write_all
from cv_gdpr.downloads.waits import BLOB, Waits
from cv_gdpr.errors import CvGdprError, Interrupted, MalformedAnswer, ProcessEnded, shortage
from cv_gdpr.links import LinkRule, UnsafeLink
from cv_gdpr.platforms.processes import OF_ITS_OWN, by_ulimit, is_broken_pipe
from cv_gdpr.service.answers import proper_code, proper_id
from cv_gdpr.service.call_log import CALLS, report
from cv_gdpr.service.client import LOG
from cv_gdpr.service.environment import authorities, proxy_for

_READ = 1 << 16  # bytes
_OURS = ("CV_GDPR_", "VISION_")  # variables that may hold the key, which the process does not need
_TOGETHER = 32  # orders in one line
_TO_END = 5.0  # seconds
_ROOM = 64  # blobs in progress at least: results come in batches, and no connection may be idle until then

# The module path is passed on: the process must not import from the working folder, which may hold anything.
_START = """
import json, sys
settings = json.loads(sys.argv[1])
sys.path[:] = settings.pop("modules")
from cv_gdpr.downloads.worker import main
main(settings)
"""


class Where(NamedTuple):
    """Where bytes come from and go to: a link, a path without suffix, a suffix if the bytes do not show their type.

    `most` is the largest number of bytes allowed.
    """

    uri: str
    stem: str
    suffix: str
    most: int


Done = Callable[[Received | CvGdprError], None]


@dataclass(frozen=True)
class Fetching:
    """How blobs are fetched: connections at once; for each blob, seconds of retries and seconds without a byte."""

    connections: int = 32
    patience: float = 120.0
    silence: float = 60.0


class Downloads:
    """Fetches blobs in the background; a context manager. Raises UsageError for certificates that cannot be read."""

    def __init__(self, fetching: Fetching, temporary: Callable[[], str], stop: threading.Event, endpoint: str) -> None:
        self._proxy_of = Proxies(LinkRule(endpoint)).of  # the environment is read once, when a run begins
        self._settings = asdict(fetching) | {"authorities": utf_8(authorities())}
        self._most = max(fetching.connections * 8, _ROOM)
        self._unsent: list[list[Any]] = []
        self._temporary = temporary
        self._stop = stop
        self._waited_for: dict[str, Done] = {}  # by temporary path
        self._waits = Waits()
        self._lock = threading.Lock()  # taken for each blob: cheaper than a Condition
        self._room = threading.Condition(self._lock)
        self._sending = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes: list[IO[bytes]] = []  # to the process, and from it
        self._listener = threading.Thread(target=self._listen, name="downloads", daemon=True)
        self._broke = ""
        self._ended: CvGdprError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """End the process; what it has not finished are temporary files."""
        with self._room:
            self._ended = self._ended or Interrupted("interrupted")
        if self._process:
            self._process.kill()
            if self._listener.is_alive():  # else interrupted before the listener started
                self._listener.join(_TO_END)
            with self._process:
                pass  # closes the pipes, and waits

    def prepare(self) -> None:
        """Start the process ahead of the first blob: starting takes as long as the first calls."""
        with self._lock:
            self._start()

    def submit(self, where: Where, done: Done, *, again: bool = False) -> None:
        """Fetch a blob; `done` is called, mostly in another thread, with the file or the final error.

        Wait for room, unless this is a renewed link (`again`), whose blob has its place already. Orders are sent in
        batches, since each line wakes the other process up; `push` sends an incomplete batch.
        """
        try:
            where = where._replace(stem=utf_8(where.stem))
            order: list[Any] = [utf_8(self._temporary()), self._proxy_of(where.uri), *where, again]
        except MalformedAnswer as error:
            done(error)
            return
        while not again and self._is_full():
            self._wait_for_room()
        with self._lock:
            if not self._ended:
                self._start()
                self._waited_for[order[0]] = done
                self._waits.began()
        if self._ended:
            done(self._ended)
            return
        with self._sending:
            self._unsent.append(order)
            if again or len(self._unsent) >= _TOGETHER:
                self._send()

    def _is_full(self) -> bool:
        return len(self._waited_for) >= self._most and not self._ended

    def _wait_for_room(self) -> None:
        self.push()  # without the lock, which results need: the process reads no orders while it writes results
        with self._room:
            self._room.wait_for(lambda: not self._is_full(), 0.5)
        if self._stop.is_set():
            raise Interrupted("interrupted")

    def push(self) -> None:
        """Send the orders of an incomplete batch."""
        with self._sending:
            self._send()

    def _start(self) -> None:
        """Start the process unless it runs; many commands never need it."""
        if self._process:
            return
        told = {"tell": bool(CALLS.handlers)}  # of each try: only --log-file needs that
        settings = json.dumps(self._settings | told | {"modules": [utf_8(path) for path in sys.path]})
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter
                [sys.executable or "", "-I", "-S", "-X", "utf8", "-c", _START, settings],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
                **OF_ITS_OWN,  # Ctrl-C must reach the parent process only
            )
        except OSError as error:
            hint = f"raise the limits of this process or container{by_ulimit('-u, -n, -v')}"
            raise ProcessEnded(f"the download process cannot be started: {error.strerror or error}", hint) from error
        self._pipes = [pipe for pipe in (self._process.stdin, self._process.stdout) if pipe]
        self._listener.start()

    def _send(self) -> None:
        if self._unsent:
            try:
                write_all(self._handle(0), json.dumps(self._unsent).encode() + b"\n")
            except OSError as error:
                if not is_broken_pipe(error):  # reported by `_listen`
                    raise
            self._unsent.clear()

    def _handle(self, number: int) -> int:
        return self._pipes[number].fileno()

    # --- in the listening thread ---------------------------------------------------------------------------------

    def _listen(self) -> None:
        half = b""
        try:
            while came := os.read(self._handle(1), _READ):
                *whole, half = (half + came).split(b"\n")
                for line in whole:
                    for answer in json.loads(line):
                        self._take(*answer)
        except Exception as error:  # noqa: BLE001 - fails every outstanding download
            self._broke = (shortage(error) or (type(error).__name__,))[0]
            LOG.debug("the thread that reads results ended", exc_info=error)
        finally:
            self._end()

    def _take(self, kind: str, *values: Any) -> None:
        if kind == "whole":
            temporary, path, size, sha256, head, flag = values
            self._settle(temporary, Received(on_disk(path), size, sha256, bytes.fromhex(head), flag))
        elif kind == "failed":
            path, error, known = values
            self._settle(path, getattr(errors, error)(**known))
        elif kind == "tried":
            report(BLOB, **_proper(values[0]))
        elif kind == "again":
            path, status, words = values
            LOG.info(words)
            with self._lock:
                self._waits.again(path, status)
        else:
            self._broke, trace = values
            LOG.debug(trace)

    def _settle(self, path: str, result: Received | CvGdprError) -> None:
        with self._lock:
            done = self._waited_for.pop(path)
            self._waits.ended(path, last=not self._waited_for)
            if len(self._waited_for) == self._most // 2:
                self._room.notify_all()  # not for each place: waking the listing thread costs more than a download
        done(result)

    def _end(self) -> None:
        """Fail every outstanding download."""
        with self._room:
            how = self._broke or "it was killed"
            self._ended = self._ended or ProcessEnded(f"the download process ended unexpectedly ({how})")
            left = list(self._waited_for.values())
            self._waited_for.clear()
            self._waits.end()
            self._room.notify_all()
        for done in left:
            done(self._ended)


def _proper(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a try without an id or a code that repeats a credential: the process knows none."""
    return facts | {"requestId": proper_id(facts["requestId"]), "code": proper_code(facts.get("code", ""))}


class Proxies:
    """Returns the proxy that the usual variables name for a link, and refuses unsafe links."""

    def __init__(self, rule: LinkRule) -> None:
        self._rule = rule
        self._of_root = lru_cache(maxsize=1024)(self._look)  # a few hosts serve all links

    def of(self, uri: str) -> str:
        """Return the proxy for a link's host, chosen as requests does for the API, or an empty text.

        Raise MalformedAnswer for a link that `LinkRule` refuses, UsageError for a malformed proxy address.
        """
        try:
            uri.encode()
        except UnicodeEncodeError:
            raise MalformedAnswer("the service sent a link that is not an address") from None
        return self._of_root(uri[: uri.find("/", 8) + 1] or uri)

    def _look(self, root: str) -> str:
        try:
            self._rule.check(root)
        except UnsafeLink as error:
            raise MalformedAnswer(f"the service sent {error}") from None
        return proxy_for(root)
