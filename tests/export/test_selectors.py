"""One data subject: what the selectors include, what they leave out, and where they cannot be used."""

import pytest

from custom_vision_simulator import Simulator
from tests.export.exporting import (
    add_image,
    assert_bag,
    assert_one_error,
    everything,
    project_folder,
    records,
    rename_tags,
    towards,
)


@pytest.fixture(scope="module")
def people():
    """Return a resource with images of three data subjects, distinguished by tag, metadata and id, and their ids."""
    with Simulator() as sim:
        (project,) = sim.fill(images=1, untagged=1, tags=2)
        rename_tags(sim, project, "anna", "bob")
        ids = {
            name: add_image(sim, project, tag=tag, metadata=metadata, name=name)
            for name, tag, metadata in (
                ("anna1", "anna", {"subject": "anna", "year": "2023"}),
                ("anna2", "anna", {"subject": "anna", "year": "2024"}),
                ("anna3", None, {"subject": "anna"}),
                ("bob1", "bob", {"subject": "bob", "year": "2024"}),
            )
        }
        yield sim, project, ids


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "taken"),
    [
        (["--tag", "anna"], {"anna1", "anna2"}),
        (["--tag", "anna", "--tag", "bob"], {"anna1", "anna2", "bob1"}),
        (["--metadata", "subject=anna"], {"anna1", "anna2", "anna3"}),
        (["--metadata", "subject=anna", "--metadata", "subject=bob"], {"anna1", "anna2", "anna3", "bob1"}),
        (["--metadata", "year=2024", "--tag", "anna"], {"anna2"}),
        (["--image-id", "ID:anna3"], {"anna3"}),
        (["--image-id", "ID:anna3", "--image-id", "ID:anna1"], {"anna1", "anna3"}),
        (["--image-id", "ID:anna3", "--image-id", "ID:anna1", "--metadata", "year=2023"], {"anna1"}),
        (["--image-ids-file", "FILE"], {"anna1", "anna2"}),
        (["--image-ids-file", "-"], {"anna1", "anna2"}),
        (["--image-ids-file", "FILE", "--image-id", "ID:anna3"], {"anna1", "anna2", "anna3"}),
        (["--image-ids-file", "FILE", "--tag", "anna", "--metadata", "year=2024"], {"anna2"}),
    ],
)
def test_selectors_narrow_and_their_values_widen(people, cli, tmp_path, options, taken):
    sim, project, ids = people
    listed = f"# two\n{ids['anna1'].upper()}\r\n\n  {ids['anna2'].replace('-', '')}\n"
    (tmp_path / "ids").write_text(listed)
    words = [
        ids[word[3:]] if word.startswith("ID:") else str(tmp_path / "ids") if word == "FILE" else word
        for word in options
    ]
    out = tmp_path / "out"
    ran = towards(cli, sim)("export", "--all", *words, "--json", "--out", out, stdin=listed)
    assert ran.code == 0, ran.err
    kept = records(project_folder(out, project) / "images.jsonl")
    assert {record["id"] for record in kept} == {ids[name] for name in taken}
    assert {path.stem for path in (project_folder(out, project) / "images").iterdir()} == {ids[n] for n in taken}
    held = everything(out)
    for other in ids.keys() - taken:
        assert ids[other].encode() not in held
        assert ids[other].replace("-", "").encode() not in held
    if not any(name.startswith("bob") for name in taken):
        assert b"bob" not in held
    assert_bag(out)


@pytest.mark.slow
def test_a_selector_value_that_matches_nothing_is_named(people, cli, tmp_path):
    sim, _, ids = people
    options = ("--metadata", "subject=anna", "--metadata", "subject=secret person")
    ran = towards(cli, sim)("export", "images", "--all", *options, "--out", tmp_path / "out")
    assert_one_error(ran, 3)
    assert "subject" in ran.err
    assert "secret person" not in ran.err + ran.out
    absent = "99999999-9999-4999-8999-999999999999"
    chosen = ("--image-id", absent, "--image-id", ids["bob1"])
    ran = towards(cli, sim)("export", "images", "--all", *chosen, "--json", "--out", tmp_path / "ids")
    assert ran.code == 3
    assert ran.json["unmatched"] == [f"--image-id {absent}"]


def test_selectors_without_a_common_image_are_reported(people, cli, tmp_path):
    sim, _, ids = people
    options = ("--image-id", ids["bob1"], "--tag", "anna")
    ran = towards(cli, sim)("export", "images", "--all", *options, "--json", "--out", tmp_path / "out")
    assert ran.code == 3
    assert ran.json["unmatched"] == [f"--image-id {ids['bob1']}", "--tag anna"]


def test_tags_are_narrowed_to_those_named(people, cli, tmp_path):
    sim, project, _ = people
    ran = towards(cli, sim)("export", "tags", "--all", "--tag", "anna", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    for name in ("tags.jsonl", "tag-details.jsonl"):
        assert [tag["name"] for tag in records(project_folder(tmp_path / "out", project) / name)] == ["anna"]
    assert b"bob" not in everything(tmp_path / "out")


def test_a_mistyped_tag_is_named_without_naming_others(people, cli, tmp_path):
    sim, _, _ = people
    ran = towards(cli, sim)("export", "images", "--all", "--tag", "ana", "--out", tmp_path / "out")
    assert_one_error(ran, 3)
    assert "nothing matches --tag ana" in ran.err
    assert "anna" not in ran.err  # without a terminal: cron may mail the output
    assert "Export-Selectors-Unmatched: 1 of 1" in (tmp_path / "out" / "bag-info.txt").read_text()
    assert cli("verify", tmp_path / "out").code == 0

    ran = towards(cli, sim)("export", "images", "--all", "--tag", "ana", "--missing-ok", "--out", tmp_path / "ok")
    assert ran.code == 0, ran.err


def test_predictions_are_selected_by_likeliest_tag_and_by_id(sim, cli, tmp_path):
    (project,) = sim.fill(images=6, iterations=1, predictions=30)
    likeliest = {
        each.id: max(each.guesses, key=lambda guess: guess.probability).tag.name
        for each in sim.store.projects[project].predictions.values()
    }
    wanted = {identity for identity, tag in likeliest.items() if tag == "tag 2"}
    assert 0 < len(wanted) < 30
    ran = cli("export", "predictions", "--all", "--predicted-tag", "tag 2", "--out", tmp_path / "tag")
    assert ran.code == 0, ran.err
    kept = records(project_folder(tmp_path / "tag", project) / "predictions.jsonl")
    assert {record["id"] for record in kept} == wanted
    held = everything(tmp_path / "tag")
    assert not any(identity.encode() in held for identity in likeliest.keys() - wanted)
    (one,) = list(wanted)[:1]
    assert cli("export", "predictions", "--all", "--image-id", one, "--out", tmp_path / "id").code == 0
    assert [r["id"] for r in records(project_folder(tmp_path / "id", project) / "predictions.jsonl")] == [one]


def test_a_subject_is_found_in_iterations_too(sim, cli, tmp_path):
    (project,) = sim.fill(images=6, iterations=1)
    workspace = sim.store.projects[project].workspace
    gone = next(iter(workspace.images))
    del workspace.images[gone]
    assert cli("export", "images", "--all", "--image-id", gone, "--out", tmp_path / "out").code == 0
    folder = project_folder(tmp_path / "out", project)
    assert [path.stem for path in (folder / "images").iterdir()] == [gone]


@pytest.mark.parametrize(
    ("row", "option"),
    [
        (row, option)
        for row, takes in {
            "account": set(),
            "iterations": set(),
            "performance": set(),
            "projects": set(),
            "exports": set(),
            "tags": {"--tag"},
            "predictions": {"--tag", "--image-id"},
        }.items()
        for option in ("--tag", "--metadata", "--image-id")
        if option not in takes
    ],
)
def test_a_selector_that_cannot_narrow_a_row_is_refused(cli, tmp_path, row, option):
    value = {"--metadata": "a=b", "--image-id": "11111111-1111-4111-8111-111111111111"}.get(option, "tag 1")
    ran = cli("export", row, "--all", option, value, "--out", tmp_path / "out")
    assert_one_error(ran, 2)
    assert option in ran.err
    assert row in ran.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        (["--image-id", "nonsense"], ""),
        (["--metadata", "no equals sign"], ""),
        (["--metadata", "=value"], ""),
        (["--image-ids-file", "-"], ""),
        (["--image-ids-file", "-"], "11111111-1111-4111-8111-111111111111\nnonsense\n"),
        (["--image-ids-file", "/nowhere/at/all"], ""),
        (["--image-ids-file", "BINARY"], ""),
    ],
)
def test_an_invalid_selector_is_refused(cli, tmp_path, words, stdin):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    words = [str(tmp_path / "binary") if word == "BINARY" else word for word in words]
    assert_one_error(cli("export", "images", "--all", *words, "--out", tmp_path / "out", stdin=stdin), 2)
    assert not (tmp_path / "out").exists()
