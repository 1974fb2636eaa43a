"""What is read from a bag: the kind of project, tags, and items that only folders name."""

import pytest

from custom_vision_simulator.domains import DETECTION, GENERAL
from cv_gdpr.archive.bag import Bag
from cv_gdpr.convert.reading import places_of, projects_of, read
from cv_gdpr.errors import UsageError
from cv_gdpr.table.labelled import Tag, Task
from tests.benchmarks.bags import identity
from tests.convert.bags import FINDING, MULTI_CLASS, MULTI_LABEL, Project, image, make, region, tag

CAT, DOG = tag("cat"), tag("dog")
ONE, TWO, BOX = [image(1, CAT)], [image(1, CAT, DOG)], [image(1, regions=[region(CAT, 0, 0, 1, 1)])]


def read_from(bag, iteration=None):
    """Return the data set of a bag's first project, and the notes."""
    bag = Bag(bag)
    (place,) = places_of(bag, projects_of(bag, ()), iteration)[0]
    return read(bag, place)


@pytest.mark.parametrize(
    ("kind", "images", "task", "noted"),
    [
        (MULTI_CLASS, TWO, Task.MULTI_CLASS, 0),
        (MULTI_LABEL, ONE, Task.MULTI_LABEL, 0),
        (FINDING, ONE, Task.DETECTION, 0),
        ((DETECTION.upper(), ""), ONE, Task.DETECTION, 0),
        (("a domain of the future", "Multilabel"), BOX, Task.DETECTION, 0),
        (("a domain of the future", "Multilabel"), ONE, Task.MULTI_LABEL, 0),
        ((GENERAL, ""), ONE, Task.MULTI_CLASS, 1),
        (("", ""), TWO, Task.MULTI_LABEL, 1),
        (("", ""), BOX, Task.DETECTION, 0),
    ],
)
def test_what_a_project_is_for(tmp_path, kind, images, task, noted):
    data, notes = read_from(make(tmp_path / "bag", Project(kind, [CAT, DOG], images)))
    assert (data.task, len(notes)) == (task, noted)
    assert not any(note.lost for note in notes)


def test_tags_that_only_an_image_names(tmp_path):
    data, _ = read_from(make(tmp_path / "bag", Project(MULTI_CLASS, [CAT], [image(1, DOG)])))
    assert data.tags == tuple(sorted([Tag(CAT["id"], "cat"), Tag(DOG["id"], "dog")]))


def test_an_iteration_has_its_own_kind_and_tags(tmp_path):
    project = Project(MULTI_CLASS, [CAT], ONE, iterations={"First": TWO})
    folder = make(tmp_path / "bag", project) / "data" / project.folder / project.place_of("First")
    (folder / "iteration.json").write_text(
        f'{{"id":"{identity("iteration", "First")}","classificationType":"Multilabel"}}'
    )
    (folder / "tags.jsonl").write_text(f'{{"id":"{CAT["id"]}","name":"old name","type":"Negative"}}\n')
    data, _ = read_from(tmp_path / "bag", "First")
    assert data.task is Task.MULTI_LABEL
    assert Tag(CAT["id"], "old name", "Negative") in data.tags
    assert read_from(tmp_path / "bag")[0].task is Task.MULTI_CLASS


def test_names_of_folders_where_documents_are_missing(tmp_path):
    project = Project(MULTI_CLASS, [CAT], ONE, iterations={"First try": TWO, "Second": ONE})
    bag = make(tmp_path / "bag", project)
    folder = f"iterations/First-try-{identity('iteration', 'First try')}"
    (bag / "data" / project.folder / project.place_of("First try")).rename(bag / "data" / project.folder / folder)
    for path in (bag / "data" / project.folder).rglob("*n.json"):
        path.unlink()
    data, _ = read_from(bag, "First try")
    assert (data.iteration, len(data.pictures)) == (identity("iteration", "First try"), 1)
    with pytest.raises(UsageError, match="no iteration has the name or id 'First'"):
        read_from(bag, "First")


def test_two_iterations_of_one_name(tmp_path):
    project = Project(MULTI_CLASS, [CAT], ONE, iterations={"First": TWO, "Second": ONE})
    bag = make(tmp_path / "bag", project)
    path = bag / "data" / project.folder / project.place_of("Second") / "iteration.json"
    path.write_text(path.read_text().replace('"Second"', '"First"'))
    with pytest.raises(UsageError, match="2 iterations are named 'First'"):
        read_from(bag, "First")


def test_a_bag_without_images(tmp_path):
    bag = make(tmp_path / "bag", Project(MULTI_CLASS, [CAT], ONE))
    summary = (bag / "data" / "export.json").read_text()
    (bag / "data" / "export.json").write_text(summary.replace('"images"', '"performance"'))
    with pytest.raises(UsageError, match="holds no images"):
        read_from(bag)


def test_a_list_that_was_not_exported(tmp_path):
    project = Project(MULTI_CLASS, [CAT], ONE)
    bag = make(tmp_path / "bag", project)
    (bag / "data" / project.folder / "images.jsonl").unlink()
    data, notes = read_from(bag)
    assert (data.pictures, [(note.what, note.lost) for note in notes]) == (
        (),
        [("the export holds no list of its images", True)],
    )


def test_sides_that_only_the_record_states(tmp_path):
    project = Project(MULTI_CLASS, [CAT], [image(1, CAT), image(2, width=None)])
    bag = make(tmp_path / "bag", project)
    for path in bag.rglob("*.jpg"):
        path.write_bytes(b"not a picture")
    data, notes = read_from(bag)
    assert {(one.id, one.width, one.height) for one in data.pictures} == {
        (identity("image", 1), 200, 100),
        (identity("image", 2), 0, 0),
    }
    assert notes == []
