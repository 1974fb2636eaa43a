"""The file of a site: names that it cannot have, and a run that fails after it was written."""

import pytest

from cv_gdpr.errors import StorageError, UsageError
from cv_gdpr.report.zipping import check_free, pack, removed_if_failing, site_folder
from tests.platforms import posix


@pytest.mark.parametrize(
    "name",
    [
        "...zip",
        "..",
        " .zip",
        *(pytest.param(one, marks=posix("names in bytes")) for one in ("a\\..\\b.zip", "c:x.zip")),
    ],
)
def test_a_name_that_leads_out_of_the_file_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="names no folder"):
        check_free(tmp_path / name, tmp_path / "bag", None)


@pytest.mark.parametrize(("out", "file"), [("x", "x"), ("x", "x/y.zip"), ("x/y", "x")])
def test_the_file_and_the_folder_are_apart(tmp_path, out, file):
    with pytest.raises(UsageError, match="in each other"):
        check_free(tmp_path / file, tmp_path / "bag", tmp_path / out)


def packed(out, file):
    """Pack a site whose folder cannot get its name at the end: another process took it."""
    with removed_if_failing() as written, site_folder(out, file) as folder:
        pack(folder, file)
        written.append(file)
        (out / "theirs").mkdir(parents=True)


def test_a_failed_run_leaves_no_file(tmp_path):
    with pytest.raises(StorageError):
        packed(tmp_path / "out", tmp_path / "answer.zip")
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


@pytest.mark.slow
def test_the_command_refuses_at_once(run, made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (("--zip", "...zip"), ("--out", "o", "--zip", "o/x.zip")):
        assert run("report", made.bag, *words).code == 2
    assert list(tmp_path.iterdir()) == []
