"""Tampering: every kind of change is found and named, even if the manifests are written again."""

import shutil

import pytest

from tests.platforms import named_pipe
from tests.verify.forging import first, rewrite, seal

pytestmark = pytest.mark.slow


@pytest.fixture
def check(out, cli):
    """Return a function that verifies the folder, expects differences, and returns them."""

    def run():
        told = cli("verify", out)
        ran = cli("verify", out, "--json")
        assert ran.code == told.code == 4, told.out
        assert ran.json["verified"] is False
        assert ran.json["exitCode"] == 4
        assert "Traceback" not in told.err + ran.err
        assert told.err.count("Error: ") == 1
        assert all(f"differs: {difference}" in told.out for difference in ran.json["differences"])
        return ran.json["differences"]

    return run


def test_an_unchanged_copy_is_verified_also_if_resealed(out, cli):
    assert cli("verify", out).code == 0
    seal(out)
    assert cli("verify", out).code == 0


KINDS = [
    "export.json",
    "account.json",
    "projects.jsonl",
    "project.json",
    "iterations.jsonl",
    "iteration.json",
    "performance.json",
    "image-performances.jsonl",
    "tags.jsonl",
    "tag-details.jsonl",
    "images.jsonl",
    "exports.jsonl",
    "predictions.jsonl",
    "files.jsonl",
    "listings.jsonl",
    "absent.jsonl",
    "images/*.jpg",
    "images-resized/*.jpg",
    "predictions/*.jpg",
    "TensorFlow.zip",
    "manifest-sha256.txt",
    "bag-info.txt",
    "bagit.txt",
    "tagmanifest-sha256.txt",
]


@pytest.mark.parametrize("kind", KINDS)
def test_one_bit_in_any_kind_of_file_is_found(out, check, kind):
    path = first(out, kind)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    named = path.relative_to(out).as_posix()
    # The tag manifest reveals a damaged manifest; a damaged tag manifest contradicts the other files.
    wanted = ("manifest", ".txt") if kind == "tagmanifest-sha256.txt" else (named,)
    assert any(word in difference for difference in check() for word in wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_deleted_is_found(out, check, kind):
    path = first(out, kind)
    path.unlink()
    assert any(path.relative_to(out).as_posix() in difference for difference in check())


@pytest.mark.parametrize(
    "kind", ["images/*.jpg", "images.jsonl", "project.json", "TensorFlow.zip", "manifest-sha256.txt"]
)
def test_a_file_truncated_is_found(out, check, kind):
    path = first(out, kind)
    path.write_bytes(path.read_bytes()[:100])
    assert any(path.relative_to(out).as_posix() in difference for difference in check())


@pytest.mark.parametrize("name", ["data/extra", "data/.hidden", "data/deep/er/extra.jpg", "data/export.json.bak"])
def test_a_file_added_is_found(out, check, name):
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(b"")
    assert any(name in difference for difference in check())


def test_a_file_renamed_is_found_under_both_names(out, check):
    path = first(out, "images/*.jpg")
    path.rename(path.with_suffix(".jpeg"))
    told = "\n".join(check())
    assert path.name in told
    assert path.with_suffix(".jpeg").name in told


def test_two_files_exchanged_are_found(out, check):
    one, other = sorted(out.rglob("images/*.jpg"))[:2]
    first_bytes = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first_bytes)
    told = "\n".join(check())
    assert one.name in told
    assert other.name in told


@pytest.mark.parametrize("kind", ["images/*.jpg", "project.json", "bag-info.txt"])
def test_a_link_in_place_of_a_file_is_found(out, check, tmp_path, kind):
    path = first(out, kind)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert any(path.relative_to(out).as_posix() in difference for difference in check())


@pytest.mark.parametrize("pattern", ["images", "iterations", "Project*"])
def test_a_link_in_place_of_a_folder_is_found(out, check, tmp_path, pattern):
    (path,) = [path for path in out.rglob(pattern) if path.is_dir()]
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert any(path.relative_to(out).as_posix() in difference for difference in check())


def test_a_link_in_place_of_the_data_folder_is_found(out, check, tmp_path):
    (out / "data").rename(tmp_path / "elsewhere")
    (out / "data").symlink_to(tmp_path / "elsewhere")
    assert any(difference.startswith("data") for difference in check())


def test_a_pipe_in_place_of_a_file_does_not_stop_the_check(out, check):
    path = first(out, "images/*.jpg")
    path.unlink()
    named_pipe(path)
    assert any(path.name in difference for difference in check())


@pytest.mark.parametrize(
    "line",
    ["nonsense", "../../etc/passwd", "/etc/passwd", "data/../../x"],
)
def test_a_manifest_path_outside_the_bag_is_not_followed(out, check, line):
    with (out / "manifest-sha256.txt").open("a") as manifest:
        manifest.write(f"{'0' * 64}  {line}\n" if "/" in line else line + "\n")
    assert any("manifest-sha256.txt" in difference for difference in check())


# --- a forger who writes the manifests again --------------------------------------------------------------------


@pytest.mark.parametrize(
    "row", ["account", "iterations", "performance", "projects", "tags", "images", "exports", "predictions"]
)
@pytest.mark.parametrize("by", [1, -1])
def test_forged_counts_in_the_summary_are_found(out, check, row, by):
    def change(value):
        value["rows"][row]["exported"] += by

    rewrite(out / "data" / "export.json", change)
    seal(out)
    assert any(difference.startswith(f"{row}: export.json says") for difference in check())


@pytest.mark.parametrize("kind", ["images/*.jpg", "images-resized/*.jpg", "predictions/*.jpg", "TensorFlow.zip"])
def test_a_blob_removed_from_a_resealed_bag_is_missed(out, check, kind):
    path = first(out, kind)
    path.unlink()
    seal(out)
    assert any("which does not exist" in difference for difference in check())


@pytest.mark.parametrize("kind", ["images.jsonl", "predictions.jsonl", "exports.jsonl", "image-performances.jsonl"])
def test_a_record_removed_from_a_resealed_bag_is_missed(out, check, kind):
    rewrite(first(out, kind), list.pop)
    seal(out)
    check()


@pytest.mark.parametrize("kind", ["project.json", "iteration.json", "performance.json", "account.json", "images.jsonl"])
def test_a_document_removed_from_a_resealed_bag_is_missed(out, check, kind):
    first(out, kind).unlink()
    seal(out)
    check()


def test_a_project_removed_from_a_resealed_bag_is_missed(out, check):
    (folder,) = [path for path in (out / "data").iterdir() if path.is_dir()]
    shutil.rmtree(folder)
    seal(out)
    assert any(folder.name in difference for difference in check())


def test_a_file_without_a_record_is_reported(out, check):
    (index,) = out.rglob("files.jsonl")
    path = index.parent / "images" / "stranger.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    rewrite(index, lambda values: values.append({**values[0], "path": "images/stranger.jpg", "source": "http://x/y"}))
    seal(out)
    assert any("stranger.jpg" in difference for difference in check())


def test_an_index_path_outside_the_folder_is_not_followed(out, check, tmp_path):
    (index,) = out.rglob("files.jsonl")
    path = first(out, "images/*.jpg")
    path.rename(tmp_path / "elsewhere")

    def change(values):
        for value in values:
            if value["path"] == f"images/{path.name}":
                value["path"] = "../../../elsewhere"

    rewrite(index, change)
    seal(out)
    assert any("which does not exist" in difference for difference in check())


@pytest.mark.parametrize("text", [b"\xff\n", b"[]\n", b"null\n", b'{"id": \n', b"[" * 100_000 + b"\n"])
@pytest.mark.parametrize("kind", ["images.jsonl", "files.jsonl", "listings.jsonl"])
def test_lines_that_are_not_records_are_reported(out, check, kind, text):
    path = first(out, kind)
    path.write_bytes(path.read_bytes() + text)
    seal(out)
    assert any("is not a record" in difference for difference in check())
