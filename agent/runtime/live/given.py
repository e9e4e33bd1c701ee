"""What live view is given by the rest of the agent."""

from typing import Protocol


class ShowsLook(Protocol):
    """The pipeline."""

    def show_look(self, looks: bool) -> None:
        """Have the beacon show that somebody looks, or no longer."""
        ...

    def has_silent(self) -> bool:
        """Return whether a silent alarm is open."""
        ...


class SparesData(Protocol):
    """Who knows what the SIM card costs."""

    def spares(self) -> bool:
        """Return whether nobody may look, as this month's data is used up and no alarm is open. Any thread."""
        ...
