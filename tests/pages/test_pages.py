"""Every command on README and on the pages in docs/ is run as it stands there, or the page says why not."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from custom_vision_simulator import Simulator
from cv_gdpr import demo
from tests.pages.blocks import PAGES, ROOT, blocks, run, sessions

OTHER_LANGUAGES = {"json", "text", "toml", "yaml"}
OF_A_SHELL = re.compile(r"^ *(\$ |cv-gdpr |pip |pytest |git |az |python3? )", re.MULTILINE)
SESSIONS = {f"{page} {n}": commands for page in PAGES for n, commands in enumerate(sessions(page), 1)}
RUN_ELSEWHERE = {  # by a test that runs each of these commands, and looks at what is left
    "docs/leaving.md 1": "tests/test_leaving.py",
    "docs/list.md 1": "tests/held/test_page.py",
    "docs/one-person.md 1": "tests/test_one_person.py",
}


@pytest.mark.parametrize("page", PAGES)
def test_each_command_is_run_or_the_page_says_why_not(page):
    for block in blocks(page):
        assert block.language in {"sh", *OTHER_LANGUAGES}, f"{page}:{block.line}"
        if block.language != "sh":
            assert not OF_A_SHELL.search(block.text), f"{page}:{block.line}: commands stand in a block of sh"
        assert block.language == "sh" or not block.reason, f"{page}:{block.line}"
    outside = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"^(?:    |\t)(cv-gdpr|pytest|pip|export) ", outside, re.MULTILINE), page


def test_most_pages_with_commands_are_run():
    assert {"README.md 1", "docs/getting-started.md 1", "docs/one-person.md 2", "docs/recipes/README.md 1"} <= set(
        SESSIONS
    )
    assert all(session in SESSIONS and (ROOT / test).exists() for session, test in RUN_ELSEWHERE.items())
    assert sum(len(commands) for commands in SESSIONS.values()) >= 60


@contextmanager
def demonstrated() -> Iterator[Simulator]:
    """Yield a simulated resource that holds what the demo holds, stored a minute ago."""
    with Simulator() as sim:
        demo.fill(sim.endpoint, sim.training_key)
        for project in sim.store.projects.values():
            for one in project.predictions.values():
                project.predictions[one.id] = replace(one, created=one.created - timedelta(minutes=1))
        yield sim


def profiles(folder: Path, **sims: Simulator) -> str:
    """Write a configuration with profiles that may delete without a person; return its name."""
    text = ""
    for name, sim in sims.items():
        (folder / f"{name}.key").write_text(sim.training_key)
        (folder / f"{name}.key").chmod(0o600)
        text += f'[profiles.{name}]\nendpoint = "{sim.endpoint}"\nkey-file = "{name}.key"\nunattended-delete = true\n'
    (folder / "config.toml").write_text(text)
    (folder / "config.toml").chmod(0o600)
    return str(folder / "config.toml")


@pytest.fixture
def variables(tmp_path, session):
    """Return what the pages presume: a resource of the demo, its profiles, and where the recipes lie."""
    with ExitStack() as stack:
        sim = stack.enter_context(demonstrated())
        found = {
            "CV_GDPR_ENDPOINT": sim.endpoint,
            "CV_GDPR_TRAINING_KEY": sim.training_key,
            "RECIPES": str(ROOT / "docs" / "recipes"),
            "HOME": str(tmp_path),
            "PROFILE": str(tmp_path / "profile.ps1"),
        }
        for command in ("EXPORT", "LIST", "DELETE", "RECHECK"):
            found[f"CV_GDPR_{command}_CALLS_PER_SECOND"] = "0"
        if any("profile" in one.line for one in SESSIONS[session]):
            (tmp_path / "settings").mkdir()
            other = stack.enter_context(demonstrated())
            found["CV_GDPR_CONFIG"] = profiles(tmp_path / "settings", hamburg=sim, berlin=other)
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("session", [session for session in SESSIONS if session not in RUN_ELSEWHERE])
def test_the_commands_of_a_page_do_what_it_says(session, tmp_path, variables):
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("PHOTO", "photo.jpg"):
        (folder / name).write_bytes(demo.PHOTO.read_bytes())
    ran = run(SESSIONS[session], folder, variables)
    wrong = [f"{one.code}: {one.command.line}\n{one.output}" for one in ran if one.code != one.command.code]
    assert not wrong, "\n".join(wrong)
    assert len(ran) == len(SESSIONS[session])
