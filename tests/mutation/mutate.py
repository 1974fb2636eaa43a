"""mutmut, started as the mutation run needs it, in a workspace that `run.py` made.

`python mutate.py run` is mutmut's own command; `python mutate.py differences NAME ...` prints what mutants change.

mutmut also writes sentences in another case, which would only show that no test repeats a message word by word; so
strings with a blank in them keep their text. It skips functions with a decorator; `run.py` takes the decorator off.
"""

import sys
from collections.abc import Iterable

import libcst as cst
from mutmut.__main__ import cli
from mutmut.mutation import mutators
from mutmut.mutation.diff_apply import find_mutant, get_diff_for_mutant


def _changed_strings(node: cst.BaseString) -> Iterable[cst.BaseString]:
    """Yield mutmut's changes of a string, unless it is a sentence."""
    if not (isinstance(node, cst.SimpleString) and " " in node.value):
        yield from mutators.operator_string(node)


mutators.mutation_operators[:] = [
    (kind, _changed_strings if change is mutators.operator_string else change)
    for kind, change in mutators.mutation_operators
]


def _write_differences(names: list[str]) -> None:
    for name in names:
        sys.stdout.write(f"# {name}\n{get_diff_for_mutant(name, path=find_mutant(name).path)}\n")


if __name__ == "__main__":
    if sys.argv[1] == "differences":
        _write_differences(sys.argv[2:])
    else:
        cli()
