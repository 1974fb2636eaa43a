"""config.toml: what is read from it, and what is refused, with the place named and no value quoted."""

import codecs
import os
from pathlib import Path

import pytest

from cv_gdpr.errors import UsageError
from cv_gdpr.masking import masked
from cv_gdpr.platforms.files import user_id
from cv_gdpr.platforms.processes import split_words
from cv_gdpr.settings import Profile, config_path, parse, profile, profiles
from tests.platforms import WINDOWS, named_pipe, posix

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
LONG_KEY = "Ab1" * 28
ONE = "[profiles.one]\n"
WHOLE = """\
[profiles.hamburg]
endpoint = "https://hamburg.cognitiveservices.azure.com"
key-file = "keys/hamburg"
cloud = "public"
resource-id = "/subscriptions/1/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/hamburg"
protect = ["Launch site", "11111111-1111-4111-8111-111111111111"]
unattended-delete = true

[profiles.berlin-2]
endpoint = "https://berlin.cognitiveservices.azure.com"
key-command = "~/bin/key 'of berlin' ./x"
auth = "key"
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The path of the user's configuration, in a folder of its own."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("CV_GDPR_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("USERPROFILE" if WINDOWS else "HOME", "/home/anna")
    return tmp_path / "config.toml"


def write(place, content):
    """Write the configuration with a mode that only its owner can change it with."""
    place.write_bytes(content if isinstance(content, bytes) else content.encode())
    place.chmod(0o600)


def refusal(place, content):
    """Return the error for a content, after checking that it names the file and quotes no key."""
    write(place, content)
    with pytest.raises(UsageError) as caught:
        profiles()
    words = f"{caught.value.message} {caught.value.hint}"
    assert str(place) in caught.value.message
    assert "\n" not in caught.value.message
    assert KEY not in words
    assert LONG_KEY not in words
    return caught.value


def test_all_settings_are_read(place):
    write(place, WHOLE)
    hamburg, berlin = profiles().values()
    assert hamburg == Profile(
        name="hamburg",
        endpoint="https://hamburg.cognitiveservices.azure.com",
        key_file=str(place.parent / "keys" / "hamburg"),
        resource_id="/subscriptions/1/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/hamburg",
        cloud="public",
        protect=("Launch site", "11111111-1111-4111-8111-111111111111"),
        unattended_delete=True,
    )
    program, *arguments = split_words(berlin.key_command)
    assert (Path(program), arguments) == (place.parent / "/home/anna/bin/key", ["of berlin", "./x"])
    assert (berlin.auth, berlin.unattended_delete, berlin.protect) == ("key", False, ())


@pytest.mark.parametrize(
    ("setting", "path"),
    [
        ("~/k", "/home/anna/k"),
        ("/etc/k", "/etc/k"),
        ("k", "{folder}/k"),
        ("../k", "{folder}/../k"),
        ("-", "{folder}/-"),
    ],
)
def test_a_relative_path_starts_at_the_folder_of_the_file(place, setting, path):
    write(place, f"{ONE}key-file = '{setting}'")
    assert profile("one").key_file == str(place.parent / path.format(folder=place.parent))


@pytest.mark.parametrize(
    ("command", "run"), [("./k a", ["{folder}", "a"]), ("k ./a", ["k", "./a"]), ("k 'a b'", ["k", "a b"])]
)
def test_a_program_with_a_path_is_looked_for_beside_the_file(place, command, run):
    write(place, f'{ONE}key-command = "{command}"')
    assert split_words(profile("one").key_command) == [word.format(folder=place.parent / "k") for word in run]


def test_a_byte_order_mark_is_accepted(place):
    write(place, codecs.BOM_UTF8 + WHOLE.encode())
    assert list(profiles()) == ["hamburg", "berlin-2"]


REFUSED = {
    # case: (content, words of the message)
    "utf-16": (codecs.BOM_UTF16_LE + WHOLE.encode("utf-16-le"), "it is not text in UTF-8"),
    "utf-16 without a mark": (WHOLE.encode("utf-16-le"), "not valid TOML"),
    "latin-1": ('[profiles.one]\nprotect = ["Jos\xe9"]'.encode("latin-1"), "it is not text in UTF-8"),
    "binary": (bytes(range(256)), "it is not text in UTF-8"),
    "huge": (b"# much\n" * 200_000, "is larger than 64 KiB"),
    "not TOML": (f"{ONE}endpoint = https://x", "line 2, column 12: not valid TOML: invalid value"),
    "cut off": ('[profiles.one]\nendpoint = "http', "not valid TOML"),
    "a table twice": (ONE * 2, "line 2, column 14: not valid TOML: cannot declare"),
    "a setting twice": (f"{ONE}cloud = 'china'\ncloud = 'china'", "end of document: not valid TOML"),
    "too deep": (f"{ONE}protect = {'[' * 5000}", "nested too deeply"),
    "dotted too deep": (f"{ONE}{'a.' * 2000}a = 1", "nested too deeply"),
    "a long number": (f"{ONE}cloud = {'9' * 5000}", "not valid TOML"),
    "empty": ("", "has no profile"),
    "no profile": ("[profiles]", "has no profile"),
    "a setting above": ("endpoint = 'https://x'", "unknown setting 'endpoint'"),
    "profiles as a list": ("profiles = []", "profiles is not a table"),
    "a profile as a text": ("profiles.one = 'x'", "[profiles.one] is not a table"),
    "an unknown setting": (f"{ONE}endpont = 'https://x'", "[profiles.one]: unknown setting 'endpont'"),
    "a number": (f"{ONE}endpoint = 7", "[profiles.one] endpoint is not a text"),
    "an empty text": (f"{ONE}endpoint = ' '", "[profiles.one] endpoint is empty"),
    "a control character": (f'{ONE}endpoint = "a\\u001bb"', "endpoint is empty or holds a control character"),
    "a yes": (f"{ONE}unattended-delete = 'true'", "unattended-delete is neither true nor false"),
    "a one": (f"{ONE}unattended-delete = 1", "unattended-delete is neither true nor false"),
    "one project": (f"{ONE}protect = 'x'", "protect is not a list of names or ids"),
    "an empty project": (f"{ONE}protect = ['']", "protect is not a list of names or ids"),
    "a number among projects": (f"{ONE}protect = [1]", "protect is not a list of names or ids"),
    "another cloud": (f"{ONE}cloud = 'mars'", "cloud is not one of: public, usgov, china"),
    "another sign-in": (f"{ONE}auth = 'Entra'", "auth is not one of: key, entra"),
    "two places of a key": (f"{ONE}key-file = 'a'\nkey-command = 'b'", "both key-file and key-command are set"),
    "a key and Entra": (f"{ONE}key-file = 'a'\nauth = 'entra'", "key-file is set, but auth is entra"),
    "an open quote": (f'{ONE}key-command = "a \'b"', "key-command: no closing quotation"),
    "an empty command": (f"{ONE}key-command = \"''\"", "key-command is empty"),
    "a name with a slash": ("[profiles.'a/b']", "a profile cannot be named 'a/b'"),
    "a name of dots": ("[profiles.'..']", "a profile cannot be named '..'"),
    "an empty name": ("[profiles.'']", "a profile cannot be named ''"),
    "a name like an option": ("[profiles.-a]", "a profile cannot be named '-a'"),
    "names in two cases": ("[profiles.a]\n[profiles.A]", "two profiles are named 'a'"),
    "key": (f"{ONE}key = 'abc'", "profiles.one.key would hold a key"),
    "training-key": (f"{ONE}training-key = 'abc'", "profiles.one.training-key would hold a key"),
    "client_secret": (f"{ONE}client_secret = 'abc'", "profiles.one.client_secret would hold a key"),
    "key1 above": ("key1 = 'abc'", "key1 would hold a key"),
    "a key as the endpoint": (f"{ONE}endpoint = '{KEY}'", "profiles.one.endpoint looks like a key"),
    "a long key as a file": (f"{ONE}key-file = '{LONG_KEY}'", "profiles.one.key-file looks like a key"),
    "a key in a command": (f"{ONE}key-command = 'echo {KEY}'", "profiles.one.key-command looks like a key"),
    "a key after =": (f"{ONE}key-command = 'echo --key={KEY}'", "profiles.one.key-command looks like a key"),
    "a key in a comment": (f"{ONE}# {KEY}\ncloud = 'china'", "line 2 holds what looks like a key"),
    "a long key behind a value": (f"{ONE}cloud = 'china' # was {LONG_KEY}", "line 2 holds what looks like a key"),
    "a key in a path": (f"{ONE}endpoint = 'https://x/{KEY}/y'", "profiles.one.endpoint looks like a key"),
    "a key before %": (f"{ONE}key-command = 'printf {KEY}%'", "profiles.one.key-command looks like a key"),
    "a key after %": (f"{ONE}key-command = 'date +%{KEY}'", "profiles.one.key-command looks like a key"),
    "a key in a list": (f"{ONE}protect = ['{KEY}']", "profiles.one.protect looks like a key"),
    "a key as a setting": (f"{ONE}{KEY} = 1", "the name of a setting looks like a key"),
    "a key as a profile": (f"[profiles.{KEY}]", "the name of a setting looks like a key"),
    "a key twice": (f"{ONE}{KEY} = 1\n{KEY} = 1\n", "line 3, column 37: not valid TOML"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_invalid_file_is_refused(place, case):
    content, words = REFUSED[case]
    assert words in refusal(place, content).message


def test_a_key_in_the_file_is_masked_from_then_on(place):
    refusal(place, f"{ONE}endpoint = '{KEY}'")
    assert KEY not in masked(f"it is {KEY}")


def test_a_similar_setting_is_named(place):
    assert refusal(place, f"{ONE}endpont = 'https://x'").hint == "similar: endpoint"


def test_an_unknown_profile_is_answered_with_near_names(place):
    write(place, WHOLE)
    with pytest.raises(UsageError, match="has no profile 'hamburk'") as caught:
        profile("hamburk")
    assert caught.value.hint == "similar: hamburg"
    with pytest.raises(UsageError) as caught:
        profile("munich")
    assert caught.value.hint == "its profiles are hamburg, berlin-2"


def test_a_missing_file_is_said_with_a_valid_example(place):
    with pytest.raises(UsageError, match="does not exist") as caught:
        profile("hamburg")
    example = caught.value.hint.partition(":")[2]
    (made,) = parse(example.encode(), place).values()
    assert made.name == "hamburg"
    assert made.key_command.startswith("az cognitiveservices")


PLACES = {
    "a folder": (lambda place: place.mkdir(), "config.toml: Is a directory"),
    "a pipe": (lambda place: named_pipe(place, 0o600), "is not a regular file"),
    "a device": (lambda place: place.symlink_to("/dev/zero"), "is not a regular file"),
    "a link in a circle": (lambda place: place.symlink_to(place), "symbolic links"),
    "a dangling link": (lambda place: place.symlink_to("nowhere"), "does not exist"),
}


@pytest.mark.parametrize("kind", PLACES)
def test_what_is_not_a_file_is_refused(place, kind):
    make, words = PLACES[kind]
    make(place)
    with pytest.raises(UsageError, match=words):
        profiles()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o777])
def test_a_file_that_others_can_write_is_refused(place, mode):
    write(place, WHOLE)
    place.chmod(mode)
    with pytest.raises(UsageError, match=f"others can write to .*mode {mode:04o}"):
        profiles()


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o644, 0o444])
def test_a_file_that_others_can_only_read_is_accepted(place, mode):
    write(place, WHOLE)
    place.chmod(mode)
    assert len(profiles()) == 2


def test_a_folder_that_others_can_write_is_refused(place):
    write(place, WHOLE)
    place.parent.chmod(0o777)
    with pytest.raises(UsageError, match="others can write to"):
        profiles()
    place.parent.chmod(0o1777)  # as /tmp: only its owner can replace the file
    assert len(profiles()) == 2


def test_a_link_is_judged_by_the_file_that_it_names(place, tmp_path):
    (tmp_path / "dotfiles").mkdir(mode=0o700)
    write(tmp_path / "dotfiles" / "config.toml", WHOLE)
    place.symlink_to(tmp_path / "dotfiles" / "config.toml")
    assert len(profiles()) == 2
    (tmp_path / "dotfiles").chmod(0o777)
    with pytest.raises(UsageError, match=r"others can write to .*dotfiles "):
        profiles()


@pytest.mark.parametrize("linked", [False, True])
def test_a_folder_above_that_others_can_write_is_refused(place, tmp_path, linked, monkeypatch):
    """Who can rename a folder on the way can put another one in its place."""
    inner = tmp_path / "above" / "own"
    inner.mkdir(parents=True, mode=0o700)
    write(inner / "config.toml", WHOLE)
    if linked:
        place.symlink_to(inner / "config.toml")
    else:
        monkeypatch.setenv("CV_GDPR_CONFIG", str(inner / "config.toml"))
    assert len(profiles()) == 2
    inner.parent.chmod(0o777)
    with pytest.raises(UsageError, match=r"others can write to .*above "):
        profiles()
    inner.parent.chmod(0o1777)
    assert len(profiles()) == 2


@pytest.mark.skipif(user_id() != 0, reason="only root can give a file to another user")
def test_a_file_of_another_user_is_refused(place):
    write(place, WHOLE)
    os.chown(place, 12345, -1)
    with pytest.raises(UsageError, match="belongs to another user"):
        profiles()


@posix("home folders")
def test_a_home_folder_of_nobody_is_refused(monkeypatch):
    monkeypatch.setenv("CV_GDPR_CONFIG", "~nosuchuser/x")
    with pytest.raises(UsageError, match="CV_GDPR_CONFIG: the home folder for ~ is unknown"):
        config_path()


def test_without_a_variable_the_configuration_folder_counts(place, monkeypatch, tmp_path):
    assert config_path() == place
    monkeypatch.delenv("CV_GDPR_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    top = config_path().parents[1] if WINDOWS else tmp_path  # Windows asks the system, and no variable
    assert config_path() == top / "cv-gdpr" / "config.toml"
    assert top.name != "cv-gdpr"
    monkeypatch.setenv("CV_GDPR_CONFIG", " ")
    with pytest.raises(UsageError, match="CV_GDPR_CONFIG is blank"):
        config_path()
