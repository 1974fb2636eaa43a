"""A forger who writes all manifests again: every alteration of a bag contradicts something else in it."""

import shutil

import pytest

from cv_gdpr.verify import verify
from tests.export.exporting import records
from tests.verify.forging import exchange, exported, first, info, project, rewrite, seal, without, write

OTHER = "99999999-9999-4999-8999-999999999999"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a finished export of two projects with items in every row."""
    return exported(tmp_path_factory.mktemp("finished") / "out", projects=2)


@pytest.fixture(scope="module")
def narrowed(tmp_path_factory):
    """Return a finished export of the images with one tag."""
    return exported(tmp_path_factory.mktemp("narrowed") / "out", "--tag", "tag 1")


# --- ways to alter a bag ----------------------------------------------------------------------------------------


def iteration(out, number=0):
    """Return the folder of an iteration of the first project."""
    return sorted((project(out) / "iterations").iterdir())[number]


def pictures(out):
    """Return the pictures of the first project."""
    return sorted((project(out) / "images").iterdir())


def lines(kind, change):
    """Change the records of the first file with this name."""
    return lambda out: rewrite(first(out, kind), change)


def field(kind, name, value, number=0):
    """Set a field of a record in the first file with this name."""

    def change(values):
        record = values if isinstance(values, dict) else values[number]
        record[name] = value(record[name]) if callable(value) else value

    return lines(kind, change)


def summary(change):
    """Change export.json."""
    return lambda out: rewrite(out / "data" / "export.json", change)


def more_info(line):
    """Add a line to bag-info.txt."""
    return info(b"Bagging-Date", line + b"\nBagging-Date")


def added(kind, number=0, **fields):
    """Add a copy of a record with some fields changed."""
    return lines(kind, lambda values: values.append(values[number] | fields))


def key_twice(kind):
    """Write a key twice into a document or record."""

    def change(out):
        path = first(out, kind)
        path.write_bytes(path.read_bytes().replace(b"{", b'{"id": "x", "id": "x",', 1))

    return change


def proof(row, place, **fields):
    """Change the proof of a row's listing, in the workspace or in an iteration."""

    def change(values):
        record = next(one for one in values if one["row"] == row and bool(one["iteration"]) == place)
        record.update({name: value(record) for name, value in fields.items()})

    return lambda out: rewrite(project(out) / "listings.jsonl", change)


def counts(by):
    """Return functions that add `by` to all counts of a proof."""
    names = ("countedBefore", "countedAfter", "listed", "written")
    return {name: lambda record, name=name: record[name] + by for name in names}


def swap_pictures(out):
    exchange(*pictures(out)[:2])


def swap_paths(values):
    one, other = values[:2]
    one["path"], other["path"] = other["path"], one["path"]


def double_image(out):
    rewrite(project(out) / "images.jsonl", lambda values: values.append(values[0]))
    proof("images", False, **counts(+1))(out)


def unlist_iteration(out):
    """Remove the list of an iteration's images and its proof, as if it had never been listed."""
    name = iteration(out).name
    (iteration(out) / "images.jsonl").unlink()
    rewrite(
        project(out) / "listings.jsonl",
        lambda values: values.remove(next(one for one in values if name in one["file"] and one["row"] == "images")),
    )


def rename_iteration(out):
    iteration(out).rename(iteration(out).with_name(f"Iteration-1-{OTHER}"))


def two_folders_of_one(out):
    name = iteration(out, 1).name
    (project(out) / "iterations" / f"Another-{name[-36:]}").mkdir()


def rename_project(out):
    folder = project(out)
    new = f"Renamed-{OTHER}"
    folder.rename(folder.with_name(new))
    rewrite(
        out / "data" / "export.json",
        lambda told: next(one for one in told["projects"] if one["folder"] == folder.name).update(folder=new),
    )


def unlisted_picture(out):
    (project(out) / "images" / f"{OTHER}.jpg").write_bytes(b"\xff\xd8\xff")


def crlf(out):
    path = out / "bagit.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def swap(kind):
    """Exchange the files with this name between two projects."""
    return lambda out: exchange(project(out, 0) / kind, project(out, 1) / kind)


def not_done(values):
    record = next(one for one in values if one["status"] == "Done")
    record.update(status="Failed", downloadUri=None)


def gone(kind):
    """Note the first item of a list as deleted at the service during the export."""

    def change(out):
        note = {"row": kind, "iteration": None, "id": records(project(out) / f"{kind}.jsonl")[0]["id"], "reason": "x"}
        rewrite(project(out) / "absent.jsonl", lambda values: values.append(note | {"gone": True}))

    return change


NONSENSE = {"row": "performance", "id": "nonsense", "iteration": "nonsense", "reason": "x"}


def noted(row, identity=None, **fields):
    """Note something as absent in the first iteration."""

    def change(out):
        place = iteration(out).name[-36:]
        note = {"row": row, "iteration": place, "id": identity or place, "reason": "x"}
        rewrite(project(out) / "absent.jsonl", lambda values: values.append(note | fields))

    return change


def model_noted(out):
    noted("exports", f"{iteration(out).name[-36:]}/TensorFlow")(out)


def tag_noted(out):
    identity = records(project(out) / "tags.jsonl")[0]["id"]
    noted("tags", identity, iteration=None)(out)


ALTERED = {
    # the bytes and their index
    "two persons' pictures exchanged": (swap_pictures, "its SHA-256 differs from files.jsonl"),
    "a picture emptied": (lambda out: pictures(out)[0].write_bytes(b""), "has 0 bytes, but files.jsonl says "),
    "a model replaced": (
        lambda out: first(out, "TensorFlow.zip").write_bytes(b"PK"),
        "has 2 bytes, but files.jsonl says ",
    ),
    "a hash in the index": (field("files.jsonl", "sha256", "0" * 64), "its SHA-256 differs from files.jsonl"),
    "an invalid hash": (field("files.jsonl", "sha256", "0"), "files.jsonl: its content is invalid"),
    "a size in the index": (field("files.jsonl", "bytes", lambda size: size + 1), " bytes, but files.jsonl says "),
    "a negative size": (field("files.jsonl", "bytes", -1), "files.jsonl: an entry has unknown fields"),
    "an impossible size": (field("files.jsonl", "bytes", 1 << 70), "files.jsonl: an entry has unknown fields"),
    "a size as text": (field("files.jsonl", "bytes", "1"), "files.jsonl: bytes is missing in a record"),
    "an entry twice": (added("files.jsonl"), "has 2 entries in files.jsonl"),
    "an entry with an extra field": (added("files.jsonl", more=1), "files.jsonl: an entry has unknown fields"),
    "an entry taken out": (lines("files.jsonl", list.pop), "no entry in files.jsonl"),
    "paths exchanged in the index": (lines("files.jsonl", swap_paths), "is not a file name for"),
    "an entry for a document": (added("files.jsonl", path="project.json"), "lists only images and exported models"),
    "an entry without a file": (added("files.jsonl", path=f"images/{OTHER}.jpg"), "which does not exist"),
    "bytes from elsewhere": (field("files.jsonl", "source", "/elsewhere"), " has no file"),
    "bytes of another blob": (field("files.jsonl", "blob", f"images/{OTHER}"), "no record names this file"),
    "the index taken out": (without("files.jsonl"), "files.jsonl: missing"),
    "a picture without a record": (unlisted_picture, f"{OTHER}.jpg: has no entry in files.jsonl"),
    "a file that no export writes": (write("data/notes.txt", b"x"), "data/notes.txt: an export does not write"),
    # lists and their proofs
    "no proof": (lines("listings.jsonl", list.pop), "listings.jsonl: has no proof of "),
    "no proofs": (without("listings.jsonl"), "listings.jsonl: has no proof of images.jsonl"),
    "counted more before": (proof("images", False, countedBefore=lambda _: 99), "images.jsonl: counted 99 before"),
    "counted more after": (proof("images", True, countedAfter=lambda _: 99), "before and 99 after"),
    "listed more": (proof("performance", True, listed=lambda _: 99), "listed 99"),
    "written more": (proof("images", False, written=lambda _: 99), "but listings.jsonl says 99 were written"),
    "all counts higher": (proof("images", True, **counts(+1)), " were written"),
    "listed fewer than written": (
        proof("images", False, **{name: lambda _: 1 for name in ("countedBefore", "countedAfter", "listed")}),
        "images.jsonl: 1 listed, 8 written",
    ),
    "a count as text": (proof("images", False, written=lambda _: "8"), "written is missing in a record"),
    "a proof twice": (added("listings.jsonl"), " twice"),
    "a proof of another list": (proof("images", True, file=lambda _: "images.jsonl"), "names images.jsonl instead of"),
    "a proof of a list that has none": (
        added("listings.jsonl", row="tags"),
        "listings.jsonl: proves tags of iteration ",
    ),
    "a proof of an unknown iteration": (
        added("listings.jsonl", iteration=OTHER),
        f"of iteration {OTHER}, a list that the export does not hold",
    ),
    "an iteration's images not listed": (unlist_iteration, "images.jsonl: missing"),
    "an image twice in one list": (double_image, " 2 times"),
    "a record taken out": (lambda out: rewrite(iteration(out) / "images.jsonl", list.pop), " were written"),
    "a list taken out": (without("predictions.jsonl"), "predictions: export.json says"),
    "a list emptied": (
        lambda out: (project(out) / "images.jsonl").write_bytes(b""),
        "holds 0 records, but listings.jsonl says 8",
    ),
    "a record without id": (lines("images.jsonl", lambda values: values[0].pop("id")), "images.jsonl: its content is"),
    "an id that is a number": (field("images.jsonl", "id", 5), "images.jsonl: its content is invalid"),
    "images of another project": (swap("images.jsonl"), " has no file"),
    "predictions of another project": (swap("predictions.jsonl"), " belongs to project "),
    # tags
    "a tag twice": (lambda out: rewrite(project(out) / "tags.jsonl", lambda v: v.append(v[0])), " 2 times"),
    "a tag without its details": (
        lambda out: rewrite(project(out) / "tag-details.jsonl", list.pop),
        ": does not hold tag ",
    ),
    "details without their tag": (
        lambda out: rewrite(project(out) / "tags.jsonl", list.pop),
        ", which is not in tags.jsonl",
    ),
    "a tag noted as gone": (tag_noted, "which absent.jsonl notes as gone"),
    # iterations, performance, models, projects
    "an iteration not listed": (lines("iterations.jsonl", list.pop), "iterations.jsonl does not list this iteration"),
    "a listed iteration of another project": (
        field("iterations.jsonl", "projectId", OTHER),
        f" belongs to project {OTHER}",
    ),
    "an iteration too many": (added("iterations.jsonl", id=OTHER), f"iteration {OTHER} has no folder"),
    "iterations not listed": (without("iterations.jsonl"), "iterations.jsonl does not list this iteration"),
    "an iteration taken out": (without("iteration.json"), "iteration.json: missing"),
    "iterations exchanged": (
        lambda out: exchange(iteration(out) / "iteration.json", iteration(out, 1) / "iteration.json"),
        ", but lies in the folder of ",
    ),
    "an iteration of another project": (field("iteration.json", "projectId", OTHER), f"belongs to project {OTHER}"),
    "an iteration's folder renamed": (rename_iteration, f"but lies in the folder of {OTHER}"),
    "an iteration's folder twice": (two_folders_of_one, "its name has no iteration id"),
    "an iteration's folder without id": (
        lambda out: iteration(out).rename(iteration(out).with_name("mine")),
        "iterations/mine: its name has no iteration id",
    ),
    "performance taken out": (without("performance.json"), "is neither exported nor noted as absent"),
    "performance and its images taken out": (
        without("performance.json", "image-performances.jsonl"),
        "a list that the export does not hold",
    ),
    "performance noted as absent, but its images there": (
        lambda out: (without("performance.json")(out), noted("performance")(out)),
        "performance.json: missing",
    ),
    "performance noted as absent": (noted("performance"), "is both exported and noted as absent"),
    "performance of two noted in one": (noted("performance", OTHER), f"under iteration {OTHER}"),
    "notes taken out": (without("absent.jsonl"), "does not note that "),
    "a note of an unlisted item": (noted("images", OTHER, gone=True), f"images {OTHER}, which is in no list"),
    "a note of an iteration that is not there": (
        lambda out: rewrite(project(out) / "absent.jsonl", lambda values: values.append(NONSENSE)),
        "of an unknown iteration",
    ),
    "a note of an image in an unknown iteration": (
        noted("images", OTHER, gone=True, iteration=OTHER),
        f"notes the images of an unknown iteration {OTHER}",
    ),
    "a note whose gone is not a truth": (noted("images", OTHER, gone="why"), "of another form"),
    "a note of performance with a wrong gone": (noted("performance", gone="why"), "of another form"),
    "a note whose iteration is a number": (noted("images", OTHER, iteration=0), "of another form"),
    "a note whose id is a number": (noted("images", 5), "id is missing in a record, or has the wrong type"),
    "a note whose row is a list": (noted(["images"]), "row is missing in a record, or has the wrong type"),
    "a move to a number": (noted("images", OTHER, to=5), "is missing in a record, or has the wrong type"),
    "a note with half a surrogate": (noted("im\udc80"), "which export.json does not name"),
    "a note of an unknown row": (noted("people"), "belongs to the row people, which export.json does not name"),
    "an image noted as gone": (gone("images"), "images: export.json says"),
    "a prediction noted as gone": (gone("predictions"), "predictions: export.json says"),
    "a model noted as absent": (model_noted, "/TensorFlow, which has bytes"),
    "bytes said to have moved": (
        noted("images", OTHER, blob=f"images/{OTHER}", **{"from": "/a", "to": "/b"}),
        "moved from /a, which is in no record",
    ),
    "a model said to have failed": (lines("exports.jsonl", not_done), "does not note that "),
    "projects exchanged": (swap("project.json"), ", but lies in the folder of "),
    "a project's document taken out": (without("project.json"), "project.json: missing"),
    "a project of another id": (field("project.json", "id", OTHER), f"describes project {OTHER}, but lies in"),
    "a project's folder of another id": (rename_project, " does not belong to project "),
    # keys twice
    "a key twice in a record": (key_twice("images.jsonl"), "is not a record (an object has a key twice)"),
    "a key twice in the index": (key_twice("files.jsonl"), "is not a record (an object has a key twice)"),
    "a key twice in a proof": (key_twice("listings.jsonl"), "is not a record (an object has a key twice)"),
    "a key twice in a document": (key_twice("project.json"), "project.json: an object has a key twice"),
    "a key twice in performance": (key_twice("performance.json"), "performance.json: an object has a key twice"),
    "a key twice in the summary": (key_twice("export.json"), "export.json: an object has a key twice"),
    "a key twice in the account": (key_twice("account.json"), "account.json: an object has a key twice"),
    # export.json
    "another endpoint": (field("export.json", "endpoint", "https://other"), "does not say Source-Endpoint: https"),
    "another tool": (field("export.json", "tool", "mine 1"), "does not say Bag-Software-Agent: mine 1"),
    "another scope": (field("export.json", "scope", "projects named"), "does not say Export-Scope: 2 projects"),
    "an invalid scope": (field("export.json", "scope", "some"), "neither 'all projects' nor"),
    "more held": (summary(lambda told: told["rows"]["tags"].update(held=99)), "export.json says 6 of 99"),
    "a row taken out": (summary(lambda told: told["rows"].pop("predictions")), "belongs to the row predictions, which"),
    "a row put in": (
        summary(lambda told: told["rows"].update(people={"held": 0, "exported": 0})),
        "names row people, which",
    ),
    "invalid rows": (summary(lambda told: told.update(rows=[])), "export.json: its content is invalid"),
    "an invalid count": (summary(lambda told: told["rows"].update(tags={})), "its content is invalid"),
    "a project twice": (summary(lambda told: told["projects"].append(told["projects"][0])), " 2 times"),
    "a project left out": (
        summary(lambda told: told["projects"].pop()),
        "export.json names no project with this folder",
    ),
    "a project of another name": (
        summary(lambda told: told["projects"][0].update(id=OTHER)),
        " does not belong to project ",
    ),
    "a project folder outside the bag": (
        summary(lambda told: told["projects"][0].update(folder=f"../x-{OTHER}")),
        "which does not exist",
    ),
    "a selector put in": (
        summary(lambda told: told["selectors"].append({"selector": "--tag", "matched": True})),
        "contradict each other",
    ),
    "a salt put in": (field("export.json", "salt", "00"), "contradict each other"),
    "not searched, but exported": (field("export.json", "notSearched", {"tags": "x"}), "exported and not searched"),
    "account by hand": (field("export.json", "byHand", {"account": "x"}), "but export.json says to get it by hand"),
    "tags by hand": (field("export.json", "byHand", {"tags": "x"}), "names a row other than an exported account"),
    "the account taken out": (without("account.json"), "account.json: missing"),
    "the summary taken out": (without("export.json"), "export.json: missing"),
    "a listed project taken out": (lines("projects.jsonl", list.pop), "does not list the same projects"),
    "a listed project twice": (added("projects.jsonl"), " 2 times"),
    "projects not listed": (without("projects.jsonl"), "projects.jsonl: missing"),
    # bag-info.txt
    "an endpoint in bag-info": (
        info(b"Source-Endpoint: http", b"Source-Endpoint: https"),
        "does not say Source-Endpoi",
    ),
    "no endpoint in bag-info": (info(b"Source-Endpoint", b"X-Endpoint"), "does not say Source-Endpoint"),
    "rows in bag-info": (info(b"Export-Rows: ", b"Export-Rows: people, "), "does not say Export-Rows"),
    "scope in bag-info": (info(b"2 projects", b"3 projects"), "does not say Export-Scope: 2 projects (all)"),
    "selectors in bag-info": (
        info(b"Export-Selectors: none", b"Export-Selectors: --tag"),
        "say Export-Selectors: none",
    ),
    "a count in bag-info": (info(b"Exported-Images: ", b"Exported-Images: 1"), "does not say Exported-Images"),
    "a row more in bag-info": (more_info(b"Exported-People: 1 of 1"), "says Exported-People, but export.json"),
    "not searched in bag-info": (more_info(b"Not-Searched-Tags: x"), "says Not-Searched-Tags, but"),
    "a label twice": (more_info(b"External-Description: other"), "says external-description 2 times"),
    "an endpoint twice": (more_info(b"source-endpoint: https://x"), "says source-endpoint 2 times"),
    "an end before the beginning": (info(b"Export-Finished: 20", b"Export-Finished: 19"), "are not two times in order"),
    "an invalid beginning": (info(b"Export-Started: 20", b"Export-Started: on 20"), "are not two times in order"),
    "a day of another year": (info(b"Bagging-Date: 20", b"Bagging-Date: 19"), "is not the day of Export-Finished"),
    "bag-info not in UTF-8": (more_info(b"Note: \xff"), "bag-info.txt: its content is invalid"),
    # bagit.txt
    "an older BagIt": (
        write("bagit.txt", b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"),
        "bagit.txt: not",
    ),
    "another encoding": (write("bagit.txt", b"BagIt-Version: 1.0\nTag-File-Character-Encoding: X\n"), "bagit.txt: not"),
    "other line endings": (crlf, "bagit.txt: not the declaration of BagIt 1.0"),
    "a list of files to fetch": (
        write("fetch.txt", b"https://example.org/x 1 data/x\n"),
        "fetch.txt: a complete bag must not hold",
    ),
    "a list of missing items": (write("missing.jsonl", b""), "missing.jsonl: a finished export must not hold"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("alter", "words"), ALTERED.values(), ids=ALTERED)
def test_every_alteration_is_found_in_a_resealed_bag(out, alter, words):
    alter(out)
    seal(out)

    found = verify(out)

    assert found.exit_code == 4
    assert any(words in difference for difference in found.differences), "\n".join(found.differences)


def altered(value):
    """Return another value of the same kind."""
    if isinstance(value, str):
        return ("1" if value[0] == "0" else "0") + value[1:]
    return OTHER if value is None else value + 1


FIELDS = {
    "listings.jsonl": ("row", "iteration", "file", "countedBefore", "countedAfter", "listed", "written"),
    "files.jsonl": ("path", "blob", "source", "bytes", "sha256"),
    "absent.jsonl": ("row", "iteration", "id"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in FIELDS.items() for name in names])
def test_no_single_field_can_be_altered(out, kind, name):
    path = project(out) / kind
    untouched = path.read_bytes()
    for number in range(0, len(records(path)), 3 if kind == "files.jsonl" else 1):
        rewrite(path, lambda values, at=number: values[at].update({name: altered(values[at][name])}))
        seal(out)
        assert verify(out).exit_code == 4, (kind, number, name)
        path.write_bytes(untouched)


def test_both_projects_are_checked(out):
    rewrite(project(out, 1) / "listings.jsonl", list.pop)
    seal(out)

    (difference,) = verify(out).differences

    assert project(out, 1).name in difference


NARROWED = {
    "a row searched after all": (
        summary(lambda told: told["notSearched"].popitem()),
        "does not say of every row",
    ),
    "a selector taken out": (summary(lambda told: told["selectors"].pop()), "contradict each other"),
    "a selector that matched nothing": (
        summary(lambda told: told["selectors"][0].update(matched=False)),
        "does not say Export-Selectors-Unmatched: 1 of 1",
    ),
    "another reason": (info(b"cannot narrow it", b"forbids it"), "does not say Not-Searched-"),
    "an account": (write("data/account.json", b"{}"), "belongs to the row account, which export.json does not name"),
    "a list of projects": (write("data/projects.jsonl", b"{}\n"), "lists projects, but export.json names none"),
    "more written than listed": (proof("images", False, listed=lambda _: 0), "0 listed"),
}


@pytest.mark.parametrize(("alter", "words"), NARROWED.values(), ids=NARROWED)
def test_alterations_of_a_narrowed_export_are_found(narrowed, tmp_path, alter, words):
    out = shutil.copytree(narrowed, tmp_path / "out")
    alter(out)
    seal(out)

    found = verify(out)

    assert any(words in difference for difference in found.differences), "\n".join(found.differences)
