"""What live view is given by the rest of the agent."""

from typing import Protocol

from agent.ports import Line, OutgoingMessage


class GivesPictures(Protocol):
    """The cameras."""

    def shows(self, camera: str | None) -> tuple[str | None, bool]:
        """Return the name of that camera, or of the first one (None: there is none), and whether it gives pictures."""
        ...

    def snapshot(self, picture_id: str, camera: str | None, max_bytes: int | None = None) -> str | None:
        """Ask for a picture, which comes to `picture_came`; None if the camera does not work."""
        ...


class OffersPictures(Protocol):
    """The sender."""

    def line(self) -> Line | None:
        """Return how the line is; None while nothing may be sent on it."""
        ...

    def pictures_rest_s(self) -> float:
        """Return for how long nothing will be sent, as connections have ended for pictures; 0 if that is not so."""
        ...

    def offer(self, message: OutgoingMessage) -> bool:
        """Send a picture if nothing else needs the line; returns whether it was sent.

        Raises MessageRefused if it is too large for the broker.
        """
        ...


class HasConnection(Protocol):
    """The publisher."""

    @property
    def connected(self) -> bool:
        """Whether a broker has accepted us. Any thread."""
        ...


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
