"""Something that must never break, broken by hand, where mutmut does not break every line (see pyproject.toml)."""

from typing import NamedTuple


class Breakage(NamedTuple):
    """In `file`, `sound` (which is there exactly once) becomes `broken`; then `test` must fail."""

    name: str
    file: str
    sound: str
    broken: str
    test: str
