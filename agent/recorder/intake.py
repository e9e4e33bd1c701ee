"""Takes what a source sends, encodes it if need be, and refuses what must not be recorded."""

from collections.abc import Callable
from typing import Protocol

from agent.core.camera.units import Kind, RecordHead, StreamHeader, UnitsError, units_of
from agent.core.errors import EdgeAgentError
from agent.recorder.backlog import Backlog
from agent.trust.evidence.h264 import begins_group

_SILENT_NS = 1_000_000_000
"""What has come is not kept waiting for longer than this for what follows."""
_STALLED_NS = 5_000_000_000
_KEYLESS_NS = 25_000_000_000
"""Twice as long as a camera takes between two key frames that has the fewest of them."""
_COUNTS_NS = 10_000_000_000
_FEW = 0.8
"""Less than this share of the pictures that are wanted is too few."""
_OFTEN = 0.25
"""If this share of them had to wait, it is the processor. One that comes late is followed at once by the newest."""
_OPENING = "waiting for the camera's pictures"
_KEYLESS = "no key frame comes that a clip could begin with: set the camera's key frames (IDR) to one a second"
_CONNECTED = "a source has connected and sends nothing yet"


class Encoder(Protocol):
    """Encodes pictures of one size to H.264, a key frame every second. One thread."""

    name: str
    trouble: str
    """Why another one that comes first does not encode; empty if it was not there, or does."""

    def encode(self, picture: memoryview, boottime_ns: int) -> list[tuple[bytes, int]]:
        """Take an I420 picture; return access units (Annex B) with their capture times. Raises EncoderError."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


class Intake:
    """What comes from one camera. One thread, but for the attributes that a state is made of.

    `may_be_unmasked` says that nothing of this camera needs a mask of ours.
    """

    def __init__(
        self,
        camera: str,
        may_be_unmasked: bool,
        backlog: Backlog,
        make_encoder: Callable[[int, int], Encoder],
        boottime_ns: Callable[[], int],
        frames_per_second: float = 0.0,
    ) -> None:
        """`make_encoder(width, height)` raises EncoderError. `frames_per_second` are wanted of pictures that are
        encoded here."""
        self._camera = camera
        self._may_be_unmasked = may_be_unmasked
        self._backlog = backlog
        self._make_encoder = make_encoder
        self._boottime_ns = boottime_ns
        self._header: StreamHeader | None = None
        self._encoder: Encoder | None = None
        self._heard_ns: int | None = None
        self._keyed_ns = 0
        """When the last group came that a clip could begin with."""
        self.pictures = 0
        self.detail = _OPENING
        """Why no pictures come; empty while they do."""
        self._wanted = frames_per_second
        self._counted = self._late = 0
        self._counting_ns = 0
        self._slow = ""

    @property
    def encoder_name(self) -> str | None:
        """Which one encodes; None if what comes is encoded."""
        return None if self._encoder is None else self._encoder.name

    @property
    def trouble(self) -> str:
        """What a person should see to although it is recorded; empty if nothing."""
        return self._slow or ("" if self._encoder is None else self._encoder.trouble)

    def take(self, record: RecordHead, content: memoryview) -> None:
        """Take one record. Raises UnitsError, EncoderError and UnreadableVideoError, and takes nothing then until the
        next header."""
        try:
            self._take(record, content)
        except EdgeAgentError:
            self._header = None
            raise

    def idle(self) -> None:
        """Nothing comes for the moment."""
        if self._heard_ns is None:
            return
        silent_ns = self._boottime_ns() - self._heard_ns
        if silent_ns >= _SILENT_NS:
            self._backlog.flush()
        if silent_ns >= _STALLED_NS and not self.detail:
            self.detail = f"no picture for {silent_ns / 1e9:.0f} s"

    def connected(self) -> None:
        """Another source is there. What was wrong with the one before stays told until pictures come."""
        self.lost(_CONNECTED if self.detail in {"", _OPENING} else self.detail)

    def lost(self, detail: str) -> None:
        """The source is gone, or of no use."""
        self._backlog.restart()
        self._header = self._heard_ns = None
        self.detail = detail

    def close(self) -> None:
        """Make a last piece of what is there, and release the encoder."""
        self._backlog.restart()
        self._use_encoder(None)

    def _take(self, record: RecordHead, content: memoryview) -> None:
        if record.kind is Kind.HEADER:
            self._begin(StreamHeader.read(bytes(content)))
            return
        if record.kind is Kind.TROUBLE:
            raise UnitsError(str(content[:500], "utf-8", "replace"))
        header = self._header
        if header is None:
            raise UnitsError("a source sends pictures before it says what they are")
        count, key = 1, record.key
        if record.kind is Kind.UNITS and header.codec == "h264":
            units = tuple(units_of(content))
            count = len(units)
            if units:
                self._backlog.add(units, record.key, record.boottime_ns)
        elif record.kind is Kind.UNIT and header.codec == "h264":
            key = self._add(bytes(content), record.boottime_ns)
        elif record.kind is Kind.PICTURE and self._encoder is not None:
            if len(content) != header.width * header.height * 3 // 2:
                raise UnitsError(f"a picture of {header.width} x {header.height} has {len(content)} bytes")
            for unit, boottime_ns in self._encoder.encode(content, record.boottime_ns):
                key |= self._add(unit, boottime_ns)
            self._count(late=record.late)
        else:
            raise UnitsError(f"a source of {header.codec} sends a {record.kind.name.lower()}")
        self._came(count, key)

    def _came(self, count: int, key: bool) -> None:
        self._heard_ns = now_ns = self._boottime_ns()
        self.pictures += count
        if key and not self._backlog.tries:
            self._keyed_ns = now_ns
        self.detail = _KEYLESS if now_ns - self._keyed_ns > _KEYLESS_NS else ""

    def _count(self, *, late: bool) -> None:
        """Notice a processor that can't follow. A camera that gives fewer pictures, as in the dark, is no trouble."""
        now_ns = self._boottime_ns()
        self._counted, self._late = self._counted + 1, self._late + late
        lasted_ns = now_ns - self._counting_ns
        if lasted_ns < _COUNTS_NS:
            return
        rate = self._counted * 1e9 / lasted_ns
        is_slow = rate < _FEW * self._wanted and self._late >= _OFTEN * self._counted
        self._slow = (
            f"the processor is too slow: {rate:.1f} pictures a second are recorded, and {self._wanted:g} are wanted; "
            "lower [evidence] frames_per_second, or the camera's size"
            if is_slow
            else ""
        )
        self._counted = self._late = 0
        self._counting_ns = now_ns

    def _add(self, unit: bytes, boottime_ns: int) -> bool:
        key = begins_group(unit)
        self._backlog.add(((boottime_ns, unit),), key)
        return key

    def _begin(self, header: StreamHeader) -> None:
        if header.camera != self._camera:
            raise UnitsError(f"pictures of camera {header.camera} came to the recorder of camera {self._camera}")
        if not header.masked and not self._may_be_unmasked:
            raise UnitsError(
                f"camera {self._camera} has privacy masks, and its pictures come without: none is recorded"
            )
        self._backlog.restart(header.parameters)
        # Always another one: some say their parameter sets only once.
        self._use_encoder(None)
        if header.codec == "i420":
            self._use_encoder(self._make_encoder(header.width, header.height))
        self._header, self._keyed_ns = header, self._boottime_ns()

    def _use_encoder(self, encoder: Encoder | None) -> None:
        if self._encoder is not None:
            self._encoder.close()
        self._encoder = encoder
        self._counted = self._late = 0
        self._counting_ns, self._slow = self._boottime_ns(), ""
