"""The rows are Microsoft's own, with its words and operations.

https://learn.microsoft.com/azure/ai-services/custom-vision-service/export-delete-data
"""

from cv_gdpr.archive.layout import Place
from cv_gdpr.table.categories import BY_API, CATEGORIES, DELETION_ORDER, Deletion

DELETED_WITH_ACCOUNT = "Deleted upon account deletion"
PUBLISHED = {
    "Account information (subscription keys)": (("GetAccountInfo",), 'in the Azure portal, or "Delete your account"'),
    "Iteration details": (("GetIteration",), "DeleteIteration"),
    "Iteration performance details": (("GetIterationPerformance",), "DeleteIteration"),
    "List of iterations": (("GetIterations",), "DeleteIteration"),
    "Projects and project details": (("GetProject", "GetProjects"), "DeleteProject"),
    "Image tags": (("GetTag", "GetTags"), "DeleteTag"),
    "Images": (("GetTaggedImages", "GetUntaggedImages"), "DeleteImages"),
    "Exported iterations (models)": (("GetExports",), DELETED_WITH_ACCOUNT),
}


def test_each_published_row_is_covered_by_one_command():
    covered = [(one.data, (one.exported_by, one.deleted_by)) for row in CATEGORIES for one in row.covers]

    assert len(covered) == len(PUBLISHED)
    assert dict(covered) == PUBLISHED


def test_each_command_calls_what_its_published_rows_name():
    for row in CATEGORIES:
        for one in row.covers:
            assert set(one.exported_by) <= set(row.exported_by)
            if row.deletion is not Deletion.OUTSIDE:
                assert row.deleted_by == one.deleted_by


def test_commands_come_in_microsofts_order():
    order = list(PUBLISHED)
    first = [order.index(row.covers[0].data) for row in CATEGORIES if row.covers]
    assert first == sorted(first)


def test_the_deletion_order_names_rows_that_the_api_deletes():
    assert set(DELETION_ORDER) <= {row.name for row in BY_API}
    assert {row.parent for row in CATEGORIES if row.parent} <= set(DELETION_ORDER)


def test_each_file_belongs_to_one_row():
    names = [(file.name, place) for row in CATEGORIES for file in row.files for place in file.places]
    assert len(names) == len(set(names))
    assert {place for _, place in names} == set(Place)
