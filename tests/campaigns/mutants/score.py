"""What mutmut has found: how many mutants of each file are noticed, and which are not."""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

from tests.campaigns.mutants.equivalent import EQUIVALENT, Equivalent

RESULTS = Path("mutants")
"""Where mutmut works, under the root of the repository."""
_UNNOTICED = ("survived", "no tests")


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that no test notices."""

    name: str
    file: str
    function: str
    status: str
    diff: str

    @property
    def line(self) -> str:
        """The first line that the mutant has and the original has not; empty when it only leaves one out."""
        return next((line[1:].strip() for line in self.diff.splitlines()[2:] if line.startswith("+")), "")


@dataclass(slots=True)
class FileScore:
    """The mutants of one file."""

    file: str
    noticed: int = 0
    equivalent: int = 0
    unchecked: int = 0
    survivors: list[Survivor] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Those that count."""
        return self.noticed + self.unchecked + len(self.survivors)


def read(only: Collection[str]) -> tuple[list[FileScore], set[Equivalent]]:
    """The score of each file that has mutants (of `only` these, unless it is empty), and the equivalents seen."""
    scores: list[FileScore] = []
    seen: set[Equivalent] = set()
    for path in sorted(RESULTS.rglob("*.py.meta")):
        file = str(path.relative_to(RESULTS)).removesuffix(".meta")
        if only and file not in only:
            continue
        score = FileScore(file)
        for name, exit_code in json.loads(path.read_text())["exit_code_by_key"].items():
            status = status_by_exit_code[exit_code]
            if status == "not checked":
                score.unchecked += 1
            elif status not in _UNNOTICED:
                score.noticed += 1
            elif equivalent := _listed(survivor := _survivor(name, file, status)):
                score.equivalent += 1
                seen.add(equivalent)
            else:
                score.survivors.append(survivor)
        if score.total:
            scores.append(score)
    return scores, seen


def survivors(scores: list[FileScore]) -> Iterator[Survivor]:
    """Those of all files."""
    for score in scores:
        yield from score.survivors


def share(scores: list[FileScore]) -> float:
    """The part of all mutants that is noticed, 0 to 1."""
    total = sum(score.total for score in scores)
    return sum(score.noticed for score in scores) / total if total else 0.0


def _survivor(name: str, file: str, status: str) -> Survivor:
    function, class_name = orig_function_and_class_names_from_key(name)
    function = function.rpartition(".")[-1]
    function = f"{class_name}.{function}" if class_name else function
    return Survivor(name, file, function, status, get_diff_for_mutant(name, path=file))


def _listed(survivor: Survivor) -> Equivalent | None:
    place = (survivor.file, survivor.function, survivor.line)
    return next((each for each in EQUIVALENT if (each.file, each.function, each.line) == place), None)
