"""Text that is ready but for some blanks: what is known beforehand need not be worked out when time is short."""

from collections.abc import Mapping


class Stencil:
    """Made once from an example, filled many times."""

    def __init__(self, example: str, blanks: Mapping[str, str]) -> None:
        """`blanks` are, by name, the pieces of the example that a filling replaces.

        Raises ValueError unless each is in it exactly once.
        """
        form = example.replace("%", "%%")
        for name, piece in blanks.items():
            if form.count(piece) != 1:
                raise ValueError(f"{piece!r} is {form.count(piece)} times in the example")
            form = form.replace(piece, f"%({name})s")
        self._form = form

    def fill(self, values: Mapping[str, object]) -> str:
        """The text with these values in its blanks. Raises KeyError when one is missing."""
        return self._form % values
