"""Protocols for everything that the agent needs from the outside. `adapters/` has the real ones, `sim/` working fakes.

Constructing an implementation starts nothing; `start` or `open` does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from agent.contract.lamps import LightState
from agent.contract.times import TimeQuality
from agent.trust.disconnected import Disconnected

if TYPE_CHECKING:
    import numpy as np  # the core process never imports numpy
    import numpy.typing as npt

    from agent.core.facts import Edge  # a command centre imports a port by way of an adapter, without the core


class Clock(Protocol):
    """Time. Deadlines use only `boottime_ns`; `wall` is only for display. Any thread."""

    @property
    def boot_id(self) -> str:
        """The kernel's identifier of this boot."""
        ...

    def boottime_ns(self) -> int:
        """Return CLOCK_BOOTTIME in nanoseconds: it never steps, and it counts through suspend."""
        ...

    def wall(self) -> datetime:
        """Return the wall clock as an aware UTC time. It may be wrong by decades: see `quality`."""
        ...

    def quality(self) -> TimeQuality:
        """Return how far `wall` can be trusted; the answer may be a second old."""
        ...


class Buttons(Protocol):
    """Every input line of the kiosk."""

    def start(self, on_edge: Callable[["Edge"], None], on_lost: Callable[[str, str], None]) -> None:
        """Watch the lines, and report the level of each as an edge with `at_start`.

        `on_edge` runs on the pin library's thread, and at start on the caller's; it must be quick and must not raise. A
        line that can't be claimed is reported to `on_lost` (the input's name, and one line for a person), and the
        others go on. Raises HardwareError if none can be claimed.
        """
        ...

    def read(self) -> Sequence["Edge"]:
        """Read the level of every watched line now, as edges. Any thread.

        Raises HardwareError, which names the line that can't be read.
        """
        ...

    def close(self) -> None:
        """Release the lines. Safe to call twice."""
        ...


class Lights(Protocol):
    """The outputs that residents see and hear. Any thread."""

    def show(self, state: LightState) -> None:
        """Drive every output to `state` without waiting."""
        ...

    def shown(self) -> LightState:
        """Return the state that was driven last."""
        ...

    def beep(self, times: int) -> None:
        """Give `times` short tones on top of what the tone does now, without waiting. Silent if the settings want
        none."""
        ...

    def levels(self) -> Mapping[str, bool]:
        """Return whether each output is lit right now, read back from its pin; by name.

        Raises HardwareError if one can't be read.
        """
        ...

    def close(self) -> None:
        """Switch everything off and release the lines. Safe to call twice."""
        ...


class Siren(Protocol):
    """The siren, or any other last resort that a relay switches. Call `is_on` from any thread, the rest from one."""

    def sound(self, on: bool) -> None:
        """Switch it on or off without waiting. Claims the line first if need be, silent. Raises HardwareError."""
        ...

    def is_on(self) -> bool:
        """Return whether it is on, read back from its pin. Raises HardwareError."""
        ...

    def close(self) -> None:
        """Switch it off and release the line. Safe to call twice."""
        ...


class Notifier(Protocol):
    """The service manager. Does nothing if there is none. Any thread."""

    def ready(self) -> None:
        """Report that the buttons are live."""
        ...

    def watchdog(self) -> None:
        """Report that every essential part has advanced."""
        ...

    def status(self, text: str) -> None:
        """Set the line that `systemctl status` shows."""
        ...

    def stopping(self) -> None:
        """Report that an orderly stop has begun."""
        ...

    @property
    def watchdog_interval_s(self) -> float | None:
        """How often the service manager wants `watchdog`; None if it does not watch."""
        ...


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """One path to the centre: a broker, and the network interface that it must be reached by, if any."""

    url: str
    interface: str | None = None

    def __str__(self) -> str:
        return f"{self.url} by {self.interface}" if self.interface else self.url


class OutgoingMessage(NamedTuple):
    """One MQTT PUBLISH. `expiry_s` and `content_type`, if any, are used only if the protocol has them (MQTT 5)."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None
    content_type: str = "application/cloudevents+json"
    correlation_data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted the connection and has answered every subscription.

    `receive_maximum` is its window, and `refused` are the filters that it denied. `why_older` tells a person why the
    protocol is not MQTT 5; empty if it is. `may_speak_5`: that may have had another cause, so it is worth another try.
    """

    protocol: str
    receive_maximum: int
    refused: tuple[str, ...] = ()
    why_older: str = ""
    may_speak_5: bool = False

    @property
    def spoken(self) -> str:
        """The protocol, and why it is not a newer one; for a person."""
        return f"{self.protocol} ({self.why_older})" if self.why_older else self.protocol


COPIED_CARD = "copied-card"
"""The kind of a Disconnected: the device's credentials belong to another board, so it may not connect at all."""


@dataclass(frozen=True, slots=True)
class Published:
    """The broker answered the message to which `publish` gave the number `mid`.

    If `accepted` is False, the broker refused the message (a failure code in the PUBACK) and did not keep it.
    `forbidden`: this device may not send it. `in_part`: it may have reached some subscribers but not all.
    """

    mid: int
    accepted: bool
    detail: str = ""
    forbidden: bool = False
    in_part: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the broker. `payload` is cut off at `MAX_RECEIVED_BYTES`; `size` is the size that was sent, `qos`
    how it was delivered."""

    topic: str
    payload: bytes
    size: int
    retain: bool
    response_topic: str | None = None
    correlation_data: bytes | None = None
    qos: int = 1


BrokerEvent = Connected | Disconnected | Published | Received
MAX_RECEIVED_BYTES = 16 * 1024
"""The contract's limit for a command; anything larger is refused unread."""


class Line(NamedTuple):
    """How the way to the other end is at this moment."""

    is_idle: bool
    """The other end has confirmed every byte that was sent."""
    rtt_s: float
    """The shortest time that a byte and its confirmation have taken."""


class Broker(Protocol):
    """One broker connection at a time. `publish`, `line`, `offer`, `pulse`: any thread; the rest: the publisher's."""

    def connect(
        self,
        url: str,
        will: OutgoingMessage,
        subscriptions: list[str],
        on_event: Callable[[BrokerEvent], None],
        interface: str | None = None,
    ) -> None:
        """Begin to connect and return; the outcome is an event: Connected, or Disconnected exactly once.

        With `interface` the connection leaves through that network interface only.

        `on_event` runs on the client library's thread and must not block. Each call begins a fresh connection: its
        events carry nothing from an earlier one, and the broker has kept nothing for it. Raises BrokerError for a URL
        or a certificate file that can't be used at all, and CopiedCard.
        """
        ...

    def publish(self, message: OutgoingMessage) -> int:
        """Hand over one message and return its number, which a later Published names.

        Raises BrokerError if there is no connection, and MessageRefused if this connection can never carry this
        message. In both cases the message was not taken.
        """
        ...

    def line(self) -> Line | None:
        """Return how the line is; None without a connection."""
        ...

    def offer(self, message: OutgoingMessage) -> bool:
        """Hand over a message of QoS 0 that nobody will miss, unless the other end has yet to confirm something that
        was sent before it: so it never lengthens a queue. Returns whether it was taken.

        Raises BrokerError and MessageRefused as `publish` does.
        """
        ...

    def disconnect(self, timeout_s: float = 2.0, *, will: bool = False) -> None:
        """End the connection in an orderly way, or at once if the broker does not answer.

        The broker publishes the will only if `will` is set; set it when the device moves to another broker. After this
        returns, no more events of that connection come. Safe to call when not connected.
        """
        ...

    def pulse(self) -> int | None:
        """Return a number that rises as long as the connection's own thread lives; None without one. Any thread."""
        ...


@dataclass(frozen=True, slots=True)
class SensorResult:
    """What the network of a camera's own sensor made of a picture."""

    outputs: "tuple[npt.NDArray[np.float32], ...]"
    """Each with a first axis of 1, for the one inference."""
    view: tuple[float, float, float, float]
    """What the network looked at: left, top, width, height, in shares of the picture. It may reach beyond it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: `pixels` is height x width x 3, uint8, BGR. `boottime_ns` is when it was captured.

    `number` counts the frames of the source from 1, including those that were never processed. Numbers and stamps rise
    from frame to frame; the size may change. Masks are drawn into the arrays, so a source that keeps using an array, or
    hands it out again, must make it read-only.
    """

    pixels: "npt.NDArray[np.uint8]"
    boottime_ns: int
    number: int
    grey: "npt.NDArray[np.uint8] | None" = None
    """A smaller grey picture (height x width) of the same moment and view: the source's second stream,
    or made of `pixels`."""
    result: SensorResult | None = None
    """None when the sensor runs no network, or has no result for this frame."""


class Camera(Protocol):
    """A source of pictures. Call it from one thread, except where a method says otherwise."""

    @property
    def frames_per_second(self) -> float | None:
        """The rate that the source states, known by the first frame at the latest; None if it states none, or nonsense.

        Any thread.
        """
        ...

    def open(self) -> None:
        """Open the source. Raises CameraError, whose text says what to do next."""
        ...

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame, in the order of the source.

        Raises CameraError if none comes within `timeout_s` or the source has ended.
        """
        ...

    def close(self) -> None:
        """Release the source. If an `open` or `read` is under way, that call fails and releases it instead.

        Any thread, even when the driver hangs. Safe to call twice.
        """
        ...


@dataclass(frozen=True, slots=True)
class Detection:
    """A box in which the model sees a person, in pixels of the frame with the origin top left; `score` is 0 to 1."""

    left: float
    top: float
    width: float
    height: float
    score: float
    body: float = 1.0
    """How sure the model is of the joints in the box, 0 to 1: a bottle has none. 1 if it looks for none."""
    rise: float | None = None
    """How far head and shoulders are above knees and ankles, in heights of the box; negative if they are below. None if
    the model doesn't say."""


class Detector(Protocol):
    """Finds people in pictures. One thread."""

    def detect(self, pictures: "Sequence[npt.NDArray[np.uint8]]") -> list[list[Detection]]:
        """Return the people in each BGR picture, best score first. Each picture, of any size, costs one inference.

        Raises ModelError.
        """
        ...
