"""Each mistyped word is answered with the near ones: commands, rows, options, values of a choice, names, settings."""

import pytest

CONFIG = """
[profiles.hamburg]
endpoint = "https://example.com"
[profiles.berlin]
endpoint = "https://example.com"
"""


@pytest.fixture
def config(tmp_path):
    """A function that writes a configuration, and returns what names it."""

    def write(text):
        file = tmp_path / "config.toml"
        file.write_text(text)
        file.chmod(0o600)
        return {"CV_GDPR_CONFIG": str(file)}

    return write


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("exprot --all", "Hint: similar: export"),
        ("export imags --all", "Hint: similar: images, tags"),
        ("export --al", "'--all'"),
        ("delete --all --dryrun", "'--dry-run'"),
        ("--verison", "'--version'"),
        ("verify --singer x y", "'--signer'"),
        ("convert bag --to cocoo", "Hint: similar: coco"),
        ("list --all --auth entre", "Hint: similar: entra"),
        ("list --all --cloud publc", "Hint: similar: public"),
        ("completion zhs", "Hint: similar: zsh"),
        ("report bag --lang german", "similar: de"),
        ("list --project Projekt1", "Hint: similar: Project 1"),
        ("list --all --profile hambrug", "Hint: similar: hamburg"),
        ("simulate --fault throtled", "Hint: similar: throttled"),
    ],
)
def test_a_mistyped_word_is_answered_with_a_near_one(sim, cli, config, words, near):
    sim.fill(projects=2, images=1)
    ran = cli(*words.split(), **config(CONFIG))
    assert ran.code == 2
    assert near in ran.err


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ('endpont = "https://example.com"', "Hint: similar: endpoint"),
        ('auth = "entr"', "Hint: similar: entra"),
        ('cloud = "publc"', "Hint: similar: public"),
    ],
)
def test_a_mistyped_setting_is_answered_with_a_near_one(cli, config, line, near):
    ran = cli("list", "--all", "--profile", "hamburg", **config(f"[profiles.hamburg]\n{line}\n"))
    assert ran.code == 2
    assert near in ran.err


def test_a_mistyped_variable_is_answered_with_a_near_one(cli):
    ran = cli("list", "--all", CV_GDPR_AUTH="entre")
    assert (ran.code, ran.err) == (2, "Error: CV_GDPR_AUTH is not one of: key, entra\nHint: similar: entra\n")


def test_a_word_like_none_is_answered_with_all(cli):
    assert "Hint: the commands are list, export" in cli("erase").err
