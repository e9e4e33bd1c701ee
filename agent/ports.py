"""What the agent needs from the world, as protocols. `adapters/` has the real ones, `sim/` working fakes.

Constructing an implementation starts nothing; `start` or `open` does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from agent.core.events import Edge, TimeQuality
from agent.core.lights import LightState

if TYPE_CHECKING:  # the core process never imports numpy
    import numpy as np
    import numpy.typing as npt


class Clock(Protocol):
    """Time. Deadlines use `boottime_ns` alone; `wall` is only ever shown. Any thread."""

    @property
    def boot_id(self) -> str:
        """The kernel's identifier of this boot."""
        ...

    def boottime_ns(self) -> int:
        """CLOCK_BOOTTIME in nanoseconds: never steps, counts through suspend."""
        ...

    def wall(self) -> datetime:
        """The wall clock as an aware UTC time. It may be wrong by decades: see `quality`."""
        ...

    def quality(self) -> TimeQuality:
        """How far `wall` may be trusted; the answer may be a second old."""
        ...


class Buttons(Protocol):
    """Every input line of the kiosk."""

    def start(self, on_edge: Callable[[Edge], None], on_lost: Callable[[str, str], None]) -> None:
        """Watch the lines, and report the level of each as an edge with `at_start`.

        `on_edge` runs on the pin library's thread, at start on the caller's: it must be quick and must not raise.
        A line that can't be claimed is told to `on_lost`, with the name of the input and one line for a person,
        and does not hold up the others. Raises HardwareError when none can be claimed.
        """
        ...

    def read(self) -> Sequence[Edge]:
        """The level of every line that is watched, read now, as an edge. Any thread.

        Raises HardwareError that names a line that can't be read.
        """
        ...

    def close(self) -> None:
        """Release the lines. Safe to call twice."""
        ...


class Lights(Protocol):
    """The outputs that a resident sees and hears. Any thread."""

    def show(self, state: LightState) -> None:
        """Drive every output to `state`; returns at once."""
        ...

    def shown(self) -> LightState:
        """The state that was last driven."""
        ...

    def levels(self) -> Mapping[str, bool]:
        """Whether each output is lit at this moment, as its pin has it when it is read back; by name.

        Raises HardwareError when one can't be read.
        """
        ...

    def close(self) -> None:
        """Switch everything off and release the lines. Safe to call twice."""
        ...


class Siren(Protocol):
    """The siren, or whatever else a relay switches as the last resort. `is_on` from any thread, the rest from one."""

    def sound(self, on: bool) -> None:
        """Switch it on or off; returns at once. Claims its line, silent, if that is not done. Raises HardwareError."""
        ...

    def is_on(self) -> bool:
        """Whether it is on, as its pin has it when it is read back. Raises HardwareError."""
        ...

    def close(self) -> None:
        """Switch it off and release the line. Safe to call twice."""
        ...


class Notifier(Protocol):
    """The service manager. Does nothing where there is none. Any thread."""

    def ready(self) -> None:
        """The buttons are live."""
        ...

    def watchdog(self) -> None:
        """Every essential part has advanced."""
        ...

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        ...

    def stopping(self) -> None:
        """An orderly stop has begun."""
        ...

    @property
    def watchdog_interval_s(self) -> float | None:
        """How often the service manager wants `watchdog`, or None when it does not watch."""
        ...


# --- the broker -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """One path to the centre: a broker, and the network interface by which it is reached, if it must be that one."""

    url: str
    interface: str | None = None

    def __str__(self) -> str:
        return f"{self.url} by {self.interface}" if self.interface else self.url


class OutgoingMessage(NamedTuple):
    """One MQTT PUBLISH. `expiry_s` and `content_type` are used where the protocol has them (MQTT 5)."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None
    content_type: str = "application/cloudevents+json"
    correlation_data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted the connection. `receive_maximum` is its window, `refused` the filters that it denied."""

    protocol: str
    receive_maximum: int
    session_present: bool
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection ended or never came to be.

    `kind` is `refused`, `tls`, `unreachable`, `protocol` or `lost`; `detail` is one line for a person.
    """

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Published:
    """The broker answered for the message that `publish` gave the number `mid`.

    With `accepted` false it refused the message (a failure code in the PUBACK), and did not keep it.
    """

    mid: int
    accepted: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came down. `payload` is cut off at `MAX_RECEIVED_BYTES`; `size` is what was sent."""

    topic: str
    payload: bytes
    size: int
    retain: bool
    response_topic: str | None = None
    correlation_data: bytes | None = None


BrokerEvent = Connected | Disconnected | Published | Received
MAX_RECEIVED_BYTES = 16 * 1024
"""The contract's limit for a command; what is larger is refused unread."""


class Broker(Protocol):
    """One broker connection at a time. `publish` from any thread, the rest from the publisher's only."""

    def connect(
        self,
        url: str,
        will: OutgoingMessage,
        subscriptions: list[str],
        on_event: Callable[[BrokerEvent], None],
        interface: str | None = None,
    ) -> None:
        """Begin to connect and return; the outcome is an event: Connected, or Disconnected exactly once.

        With `interface` the connection leaves through that network interface and no other.

        `on_event` runs on the client library's thread and must not block. Each call begins a fresh connection
        whose events carry nothing of an earlier one. Raises BrokerError for a URL or a certificate file that
        can't be used at all.
        """
        ...

    def publish(self, message: OutgoingMessage) -> int:
        """Hand one message over; returns its number, which a later Published names.

        Raises BrokerError when there is no connection, and MessageRefused when this connection can't carry this
        message, whenever it is tried; the message was then not taken.
        """
        ...

    def disconnect(self, timeout_s: float = 2.0, *, will: bool = False) -> None:
        """End the connection in an orderly way, or at once if the broker does not answer.

        The broker publishes the will only if `will` is set: the device goes on elsewhere. After it returns, no
        more events of that connection come. Safe to call when not connected.
        """
        ...

    def pulse(self) -> int | None:
        """A number that rises as long as the connection's own thread lives; None without one. Any thread."""
        ...


# --- the camera process -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: `pixels` is height x width x 3, uint8, BGR. `boottime_ns` is when it was captured.

    `number` counts the frames that the source gave, from 1, including those that nobody looked at. From one frame to
    the next numbers and stamps rise; the size may change.
    Masks are drawn into the arrays: a source that goes on using one, or gives it again, gives it read-only.
    """

    pixels: "npt.NDArray[np.uint8]"
    boottime_ns: int
    number: int
    grey: "npt.NDArray[np.uint8] | None" = None
    """The same moment and view, smaller, height x width, from a source that has such a second stream."""


class Camera(Protocol):
    """A source of pictures. One thread, except where something else is said."""

    @property
    def frames_per_second(self) -> float | None:
        """The rate that the source states, known with the first frame at the latest; None when it states none, or
        nonsense. Any thread."""
        ...

    def open(self) -> None:
        """Open the source. Raises CameraError with what to do next."""
        ...

    def read(self, timeout_s: float) -> Frame:
        """The next frame, in the order of the source. Raises CameraError when none comes within `timeout_s`
        or the source has ended."""
        ...

    def close(self) -> None:
        """Release the source, or leave that to the `open` or `read` under way, which then fails. Any thread, even
        when the driver hangs; may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Detection:
    """A box in which the model sees a person: pixels of the frame, origin top left; `score` in 0 to 1."""

    left: float
    top: float
    width: float
    height: float
    score: float


class Detector(Protocol):
    """Finds people in a picture. One thread."""

    def detect(self, pictures: "Sequence[npt.NDArray[np.uint8]]") -> list[list[Detection]]:
        """People in each of some BGR pictures of any size, best score first; an inference each. Raises ModelError."""
        ...
