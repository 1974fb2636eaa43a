"""The command line as a function: it takes the words of a command and returns the result."""

import contextlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cv_gdpr.cli import main


@dataclass(frozen=True)
class Ran:
    """The result of a command: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that --json promises."""
        return json.loads(self.out)


class CommandLine:
    """Runs `cv-gdpr` in this process against a simulator, which it finds by the usual variables."""

    def __init__(self, endpoint: str, training_key: str) -> None:
        self.variables = {
            "CV_GDPR_ENDPOINT": endpoint,
            "CV_GDPR_TRAINING_KEY": training_key,
            "CV_GDPR_EXPORT_CALLS_PER_SECOND": "0",
            "CV_GDPR_EXPORT_PATIENCE": "2",
            "CV_GDPR_LIST_CALLS_PER_SECOND": "0",
            "CV_GDPR_LIST_PATIENCE": "2",
            "CV_GDPR_DELETE_CALLS_PER_SECOND": "0",
            "CV_GDPR_DELETE_PATIENCE": "2",
        }

    def __call__(self, *arguments: str | Path, stdin: str = "", **variables: str) -> Ran:
        """Run a command; `variables` are set for this command only, and an empty one counts as not set."""
        out, err = io.StringIO(), io.StringIO()
        return Ran(self._run(arguments, stdin, variables, out, err), out.getvalue(), err.getvalue())

    def together(self, *arguments: str | Path) -> str:
        """Run a command; return what it prints on both streams, in its order, as on a terminal."""
        screen = io.StringIO()
        self._run(arguments, "", {}, screen, screen)
        return screen.getvalue()

    def _run(
        self, arguments: Sequence[str | Path], stdin: str, variables: dict[str, str], out: io.StringIO, err: io.StringIO
    ) -> int:
        with (
            _environment(self.variables | variables),
            _standard_input(stdin),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            main([str(argument) for argument in arguments])
        return int(ended.value.code or 0)


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("CV_GDPR", "VISION_TRAINING"))]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


@contextlib.contextmanager
def _standard_input(text: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(text))
        yield
