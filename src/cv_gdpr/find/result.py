"""What a search found: matches, and what could not be searched."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["same", "copy", "part"]
SAME: Kind = "same"
COPY: Kind = "copy"
PART: Kind = "part"
_KINDS: tuple[Kind, ...] = (SAME, COPY, PART)


class View(Enum):
    """How the view of a picture is that of a photograph, if both lie upright and whole upon each other."""

    OTHER = "it is not"
    UNCHANGED = "nothing differs at the size of a search"
    AGREES = "the pictures agree"
    DIFFERS = "something in them differs"


class Outline(NamedTuple):
    """Where a photograph lies in a picture: its corners, as shares of the picture's width and height."""

    corners: tuple[tuple[float, float], ...]


class Match(NamedTuple):
    """A picture of a bag that is like a photograph: the item that it belongs to, what it is, and where its file lies.

    `like` names the photograph. `score` is the share of the area on which both lie upon each other that agrees pixel by
    pixel; 1 for the same bytes. `iterations`: those that hold the image, if the workspace does not.
    """

    row: str
    project: str
    id: str
    like: str
    kind: Kind
    score: float
    certain: bool
    why: str
    file: str
    iterations: tuple[str, ...] = ()
    outline: Outline | None = None
    view: View = View.OTHER


class Unsearched(NamedTuple):
    """An item whose picture could not be searched, and why."""

    row: str
    project: str
    id: str
    file: str
    reason: str


@dataclass
class Found:
    """The result of a search: the matches by photograph, and what was left out.

    `other_frames`: pictures with the same view as a photograph and something else in it, as a fixed camera takes them.

    `only_same`: the extra is missing, so that neither copies nor parts were searched. `missing`: how many items are in
    the bag without their bytes. `incomplete`: the bag says that something is missing in it.
    """

    bag: Path
    photos: tuple[str, ...]
    matches: list[Match] = field(default_factory=list)
    other_frames: list[Match] = field(default_factory=list)
    unsearched: list[Unsearched] = field(default_factory=list)
    searched: int = 0
    by_bytes: int = 0  # different pictures that were compared byte by byte
    from_index: int = 0
    missing: int = 0
    incomplete: bool = False
    only_same: bool = False
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """3 if something was not searched, else 0, whatever was found."""
        return 3 if self.only_same or self.unsearched or self.missing or self.incomplete else 0

    def count(self, kind: Kind) -> int:
        """Return how many matches are of a kind."""
        return sum(one.kind == kind for one in self.matches)


def in_order(matches: Iterable[Match]) -> list[Match]:
    """Return matches as a person reads them: certain ones first, then by kind and score."""
    return sorted(
        matches, key=lambda one: (not one.certain, _KINDS.index(one.kind), -one.score, one.like, one.project, one.id)
    )
