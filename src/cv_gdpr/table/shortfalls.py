"""Why something is missing in an export, in words that it records and a report translates."""

from cv_gdpr.languages import message

NO_LINK = message("the service gives no link to its bytes")
EXPIRED = message("its link expired and cannot be renewed: %(reason)s")
REFUSED = message("its link is refused, and the service still lists it")
NO_OTHER_LINK = message("its link is refused, and the service still lists it, but without another link")
PRESENCE_UNKNOWN = message("its link is refused, and the listing changed while it was read: presence unknown")
ROW_UNLISTED = message("its link is refused, and its row cannot be listed again: %(reason)s")
UNLISTED_AT_THE_END = message("cannot be listed again at the end: %(reason)s")
NEW_ITERATION = message("iteration %(iteration)s was added during the export: the same command exports it too")
IMPORTING = message(
    "its status is Importing: the service is still copying its images; run the same command again later"
)
IMPORT_FAILED = message(
    "its status is Failed: the service could not import it, so parts of it may be missing there too"
)
COUNTS_OF_WORKSPACE_DIFFER = message(
    "the service counts %(before)s before and %(after)s after, lists %(listed)s, %(written)s written (workspace)"
)
COUNTS_OF_ITERATION_DIFFER = message(
    "the service counts %(before)s before and %(after)s after, lists %(listed)s, %(written)s written "
    "(iteration %(iteration)s)"
)

PATTERNS = (
    EXPIRED,
    ROW_UNLISTED,
    UNLISTED_AT_THE_END,
    NEW_ITERATION,
    COUNTS_OF_WORKSPACE_DIFFER,
    COUNTS_OF_ITERATION_DIFFER,
)
