"""Run mutmut over the modules that decide what is kept, erased and proved, each with its nearest tests.

`python -m tests.mutation.run [--again] [--sample N] [MODULE ...]` prints for each module how many mutants were made and
noticed, and the difference of each one that survived. `--again` tries only the survivors of the run before.
"""

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

from tests.mutation.modules import MODULES

ROOT = Path(__file__).parents[2]
WORK = ROOT / "build" / "mutation"
MEMORY = Path("/dev/shm")  # noqa: S108 - a disk may take seconds to make a file durable
WRAPPERS = ("contextmanager", "property", "cached_property", "cache")  # mutmut skips a function that has a decorator
CONFIGURATION = """
[tool.mutmut]
only_mutate = [{module}]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=1"]
also_copy = ["cassettes"]
timeout_multiplier = 4.0
timeout_constant = 1.5
on_dependency_change = "ignore"
"""
NOTICED = {1, 3, 24, 36, 152, 255, -24, -9}  # a test failed, or the time ran out


def main() -> None:
    """Run the modules named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="as delete/marks; all if none is named")
    parser.add_argument("--again", action="store_true", help="try only what survived the run before")
    parser.add_argument("--sample", type=int, metavar="N", help="try at most N mutants of a module, by chance")
    options = parser.parse_args()
    for module in options.modules or MODULES:
        workspace = prepared(module)
        names = chosen(workspace, module, again=options.again, sample=options.sample)
        run(workspace, names)
        say(workspace, module)


def prepared(module: str) -> Path:
    """Return a copy of the project in which mutmut may write, set to mutate one module."""
    workspace = WORK / module.replace("/", ".")
    (workspace / "mutants" / "src").mkdir(parents=True, exist_ok=True)  # Python must find them when mutmut starts
    for part in ("src", "tests", "cassettes"):
        shutil.copytree(ROOT / part, workspace / part, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    path = Path("src") / "cv_gdpr" / f"{module}.py"
    (workspace / path).write_text(undecorated((ROOT / path).read_text()))
    changed = (ROOT / path).stat().st_mtime
    os.utime(workspace / path, (changed, changed))
    tests = [test for test in MODULES[module] if (ROOT / test).exists()]
    settings = CONFIGURATION.format(module=json.dumps(str(path)), tests=json.dumps(tests))
    (workspace / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + settings)
    return workspace


def undecorated(source: str) -> str:
    """Return the module with `@property def f` written as `def f` and `f = property(f)`."""
    lines = source.splitlines(keepends=True)
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for node in sorted(found, key=lambda node: node.lineno, reverse=True):
        names = [one.id if isinstance(one, ast.Name) else "" for one in node.decorator_list]
        if len(names) == 1 and names[0] in WRAPPERS:
            lines.insert(node.end_lineno or 0, f"{' ' * node.col_offset}{node.name} = {names[0]}({node.name})\n")
            del lines[node.decorator_list[0].lineno - 1]
    return "".join(lines)


def results(workspace: Path, module: str) -> dict[str, int | None]:
    """Return the exit code of each mutant's tests, by the mutant's name."""
    meta = workspace / "mutants" / "src" / "cv_gdpr" / f"{module}.py.meta"
    return json.loads(meta.read_text())["exit_code_by_key"] if meta.exists() else {}


def chosen(workspace: Path, module: str, *, again: bool, sample: int | None) -> list[str]:
    """Return the names of the mutants to try; none stands for all that were not tried yet."""
    if again:
        (workspace / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)  # which tests run what may have changed
        return survivors(results(workspace, module))
    if sample is None:
        return []
    if not results(workspace, module):
        run(workspace, ["no.mutant"])
    names = sorted(results(workspace, module))
    return random.Random(1).sample(names, min(sample, len(names)))  # noqa: S311


def survivors(codes: dict[str, int | None]) -> list[str]:
    """Return the mutants that were tried and that no test noticed."""
    return [name for name, code in codes.items() if code is not None and code not in NOTICED]


def run(workspace: Path, names: list[str]) -> None:
    """Run mutmut in a workspace with one worker."""
    paths = f"{workspace / 'mutants' / 'src'}{os.pathsep}{workspace / 'mutants'}"  # for the processes that tests start
    command = [sys.executable, str(Path(__file__).with_name("mutate.py")), "run", "--max-children", "1", *names]
    environment = os.environ | {"PYTHONPATH": paths}
    if MEMORY.is_dir():
        environment["TMPDIR"] = str(MEMORY)
    with (workspace / "log").open("w") as log:
        subprocess.run(command, cwd=workspace, env=environment, stdout=log, stderr=log, check=False)


def differences(workspace: Path, names: list[str]) -> str:
    """Return what the mutants change."""
    command = [sys.executable, str(Path(__file__).with_name("mutate.py")), "differences", *names]
    return subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=True).stdout


def say(workspace: Path, module: str) -> None:
    """Print what came of a module."""
    codes = results(workspace, module)
    survived = survivors(codes)
    tried = sum(code is not None for code in codes.values())
    rate = f"{(tried - len(survived)) / tried:.1%}" if tried else f"see {workspace / 'log'}"
    found = f"{tried - len(survived)} noticed, {len(survived)} survived ({rate})"
    write(f"{module}: {len(codes)} made, {tried} tried, {found}")
    if survived:
        write(differences(workspace, survived))


def write(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
