"""Whether a path lies in a folder, however both are written."""

import pytest

from cv_gdpr.archive.new_folder import lies_in, refuse_within
from cv_gdpr.errors import UsageError

PLACES = {
    "itself": ("bag", True),
    "a slash more": ("bag/", True),
    "inside": ("bag/data/new", True),
    "around": (".", False),
    "beside": ("bag-report", False),
    "back out": ("bag/../new", False),
    "back in": ("new/../bag/new", True),
    "a link into it": ("link/new", True),
    "a link in it": ("bag/out/new", False),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_path_lies_in_a_folder(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    for folder in ("bag", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "link").symlink_to("bag")
    (tmp_path / "bag" / "out").symlink_to(tmp_path / "elsewhere")
    path, expected = PLACES[place]
    assert lies_in(type(tmp_path)(path), type(tmp_path)("bag")) is expected
    assert lies_in(tmp_path / path, type(tmp_path)("bag")) is expected


def test_the_option_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"--zip .* lies in the export"):
        refuse_within("--zip", tmp_path / "data" / "a.zip", tmp_path, "file")
    refuse_within("--zip", tmp_path.parent / f"{tmp_path.name}.zip", tmp_path)
