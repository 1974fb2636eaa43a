"""The use case: a bag and evidence are verified, a new bag is written beside the old one, verified, and named."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cv_gdpr.archive.bag import Bag
from cv_gdpr.archive.json_files import digests
from cv_gdpr.archive.writing import storing
from cv_gdpr.errors import REPORT_IT, CvGdprError, UsageError
from cv_gdpr.find.index import forget
from cv_gdpr.redact.copies import seen_beside
from cv_gdpr.redact.exchange import Beside
from cv_gdpr.redact.gone import Gone, gone_by
from cv_gdpr.redact.whole import TAG_MANIFEST, Order, Taken, written
from cv_gdpr.table.categories import TAGS
from cv_gdpr.verify import verify
from cv_gdpr.verify.redactions import REDACTIONS, Named
from cv_gdpr.verify.verified import verified

_KNOWN = frozenset({"data", "bagit.txt", "bag-info.txt", TAG_MANIFEST, "manifest-sha256.txt", REDACTIONS})
_SIGNATURES = (".sig", ".tsr", ".asc")
_MANIFESTS = ("manifest-", "tagmanifest-")


@dataclass
class Redacted:
    """What was done with a bag: `made` is the new one, None where nothing had to be taken out."""

    bag: Path
    made: Path | None
    in_place: bool
    taken: Taken
    copies: list[Path]
    models: list[tuple[str, str]]  # project and iteration of exported models that stay, and may keep something of it

    @property
    def still_holds(self) -> int:
        """How many of the items that were erased the bag still holds."""
        return 0 if self.in_place else self.taken.total


def redact(order: Order, bag: Path, out: Path | None, index: Path | None = None) -> Redacted:
    """Take what evidence proves gone out of a bag, into a new bag `out`; None: in place.

    `index` is a folder in which `find` keeps features of pictures. Those of files that are taken out are removed before
    the old bag is: a run that is killed in between leaves none.

    Raise NotVerified for a bag that differs, UsageError for one of another resource, StorageError for the disk.
    """
    if bag.is_symlink() and out is None:
        bag = bag.resolve()
    bag = Path(os.path.abspath(bag))  # noqa: PTH100 - a link among the folders above stays as it was given
    target = Path(os.path.abspath(out)) if out else None  # noqa: PTH100
    beside = Beside(target or bag)
    if target and os.path.lexists(target):
        raise UsageError(f"{out} exists", "name another folder with --out: nothing is overwritten")
    if target and not target.parent.is_dir():
        raise UsageError(f"{target.parent} is not a folder", "name a folder in one that exists")
    with beside.locked():
        verified(bag)
        gone = gone_by(order.proven)
        _refuse_foreign(bag, order)
        taken = _made(bag, gone, order, beside)
        if index:
            taken.forgotten = forget(index, taken.hashes)
        if taken.total and target:
            beside.name(target)
        elif taken.total:
            beside.exchange()
    made = (target or bag) if taken.total else None
    return Redacted(bag, made, target is None, taken, seen_beside(bag), _models(order, taken))


def _refuse_foreign(folder: Path, order: Order) -> None:
    """Raise UsageError if bag and evidence are of two resources, or the bag holds files that no export writes."""
    evidence, bag = order.proven.evidence, Bag(folder)
    if evidence.endpoint.startswith("/"):  # of the deletion of an Azure resource
        named = bag.document("data/account.json").get("id") if bag.has("data/account.json") else None
        if named is None:
            raise UsageError(
                f"{folder} does not say which Azure resource it is of: it holds no data/account.json",
                f"if it is of {evidence.endpoint}, remove the whole folder",
            )
    else:
        named = bag.endpoint
    if str(named).lower() != evidence.endpoint.lower():
        raise UsageError(f"{folder} is of another resource: {named}", f"the evidence is of {evidence.endpoint}")
    for name in sorted(os.listdir(folder)):  # noqa: PTH208
        if name not in _KNOWN and not name.endswith(_SIGNATURES) and not name.startswith(_MANIFESTS):
            raise UsageError(f"{folder} holds {name}, which no export writes", "it may name what was erased: move it")


def _signatures(folder: Path) -> Iterator[Named]:
    for name in sorted(os.listdir(folder)):  # noqa: PTH208
        if name.endswith(_SIGNATURES):
            yield Named(file=name, sha256=digests(folder / name, ("sha256",)).digests[0].hex())


def _made(bag: Path, gone: Gone, order: Order, beside: Beside) -> Taken:
    """Write the new bag beside the old one, and verify it; remove it where nothing had to be taken out, or it fails."""
    try:
        with storing(bag):
            taken = written(Bag(bag), gone, order, beside.new, list(_signatures(bag)))
        if taken.total:
            _check_new(beside.new)
    except BaseException:
        shutil.rmtree(beside.new, ignore_errors=True)
        raise
    if not taken.total:
        shutil.rmtree(beside.new)
    return taken


def _check_new(folder: Path) -> None:
    """Raise CvGdprError if the new bag differs: a bug."""
    if differences := verify(folder).differences:
        raise CvGdprError(f"the new export does not verify: {differences[0]}", f"nothing was changed; {REPORT_IT}")


def _models(order: Order, taken: Taken) -> list[tuple[str, str]]:
    """Return where exported models stay that may keep something of what was erased.

    They were trained on erased images, or their labels name an erased tag: a model cannot be changed.
    """
    trained = {one.id: set(one.iterations_trained_on_them) for one in order.proven.evidence.projects}
    named = {one.project for one in taken.items if one.row == TAGS}
    return [
        (project, iteration)
        for project, iterations in taken.models_kept.items()
        for iteration in iterations
        if project in named or iteration in trained.get(project, ())
    ]
