"""What a decoder must know before the first picture of H.264: sequence and picture parameter sets."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from agent.contract.errors import EdgeAgentError
from agent.trust.evidence.h264 import Unit, escape, unescape

_SPS, _PPS = 7, 8
"""`nal_unit_type`, ITU-T H.264 table 7-1."""
_B_SLICES = {1, 6}
"""`slice_type`, table 7-6."""
_HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
"""Profiles that say more of their colours (7.3.2.1.1)."""
_LARGEST = 16384
"""Pixels of a side."""
_LONGEST = 4096
"""Bytes of a parameter set."""
_MOST_PPS = 255
_HEAD = 64
"""Bytes of a slice that are enough for the beginning of its header."""


class UnreadableVideoError(EdgeAgentError):
    """This is not H.264 as it can be recorded."""


def is_b(slice_unit: Unit) -> bool:
    """Whether a slice predicts from pictures that are shown after it, and so comes out of their order."""
    bits = _Bits(slice_unit.data[1:_HEAD])
    try:
        bits.unsigned()  # first_mb_in_slice
        return bits.unsigned() in _B_SLICES
    except IndexError:
        return False


@dataclass(frozen=True)
class ParameterSets:
    """The parameter sets of a stream; equal ones make equal init segments."""

    sps: bytes
    pps: tuple[bytes, ...]

    @classmethod
    def found(cls, units: Iterable[Unit], before: "ParameterSets | None" = None) -> "ParameterSets | None":
        """Return those among these NAL units; what is not there is as `before`. None as long as one kind is missing."""
        sps = before.sps if before else b""
        pps: list[bytes] = []
        for unit in units:
            if unit.type == _SPS:
                sps = unit.data
            elif unit.type == _PPS and unit.data not in pps:
                pps.append(unit.data)
        sets = tuple(pps) or (before.pps if before else ())
        return cls(sps, sets) if sps and sets else None

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        """Width and height in pixels, chroma format, bits of a luma and of a chroma sample, less 8, how many pixels are
        cropped across and down, and where the bits that say so begin and end."""
        try:
            shape = _read_sps(_Bits(self.sps[1:_LONGEST]))
        except IndexError as error:
            raise UnreadableVideoError("the camera's H.264 has a sequence parameter set that is cut off") from error
        # What an init segment has room for.
        is_short = 0 < len(self.pps) <= _MOST_PPS and max(map(len, (self.sps, *self.pps))) <= _LONGEST
        width, height, chroma, *more_bits = shape[:5]
        if not is_short or not (0 < width <= _LARGEST and 0 < height <= _LARGEST) or chroma > 3 or max(more_bits) > 6:
            raise UnreadableVideoError("the camera's H.264 has parameter sets that make no sense")
        return shape

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels. Raises UnreadableVideoError."""
        width, height = self._shape[:2]
        return width, height

    @property
    def cropped(self) -> tuple[int, int]:
        """How many pixels of what is coded are not shown: across and down. Raises UnreadableVideoError."""
        across, down = self._shape[5:7]
        return across, down

    def uncropped(self) -> "ParameterSets":
        """Return them so that all is shown that is coded, also what only fills the last blocks. Raises
        UnreadableVideoError."""
        flag, behind = self._shape[7:]
        sps = unescape(self.sps)
        bits = f"{int.from_bytes(sps):0{8 * len(sps)}b}".rstrip("0")
        bits = bits[: 8 + flag] + "0" + bits[8 + behind :]
        bits += "0" * (-len(bits) % 8)
        return ParameterSets(escape(int(bits, 2).to_bytes(len(bits) // 8)), self.pps)

    def configuration(self) -> bytes:
        """Return the AVCDecoderConfigurationRecord (ISO/IEC 14496-15). Raises UnreadableVideoError."""
        record = bytes((1, *self.sps[1:4], 0xFF, 0xE1)) + _counted(self.sps) + bytes((len(self.pps),))
        record += b"".join(map(_counted, self.pps))
        if self.sps[1] in _HIGH:
            chroma, luma_bits, chroma_bits = self._shape[2:5]
            record += bytes((0xFC | chroma, 0xF8 | luma_bits, 0xF8 | chroma_bits, 0))
        return record


def _counted(unit: bytes) -> bytes:
    return len(unit).to_bytes(2, "big") + unit


class _Bits:
    """Reads bits and Exp-Golomb numbers (9.1) of a payload. Raises IndexError at its end."""

    def __init__(self, payload: bytes) -> None:
        self._bytes = unescape(payload)
        self.place = 0

    def bits(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._bytes[self.place >> 3] >> (7 - (self.place & 7)) & 1
            self.place += 1
        return value

    def unsigned(self) -> int:
        zeros = 0
        while not self.bits(1):
            zeros += 1
        return (1 << zeros) - 1 + self.bits(zeros)

    def signed(self) -> int:
        value = self.unsigned()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def _read_sps(bits: _Bits) -> tuple[int, ...]:
    profile = bits.bits(8)
    bits.bits(16)  # constraints and level
    bits.unsigned()  # seq_parameter_set_id
    chroma, luma_bits, chroma_bits, planes = 1, 0, 0, 0
    if profile in _HIGH:
        chroma = bits.unsigned()
        planes = bits.bits(1) if chroma == 3 else 0
        luma_bits, chroma_bits = bits.unsigned(), bits.unsigned()
        bits.bits(1)
        if bits.bits(1):
            for index in range(12 if chroma == 3 else 8):
                if bits.bits(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.unsigned()  # log2_max_frame_num_minus4
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.bits(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.unsigned()):
            bits.signed()
    bits.unsigned()  # max_num_ref_frames
    bits.bits(1)
    width, height = 16 * (bits.unsigned() + 1), 16 * (bits.unsigned() + 1)
    frames_only = bits.bits(1)
    height *= 2 - frames_only
    if not frames_only:
        bits.bits(1)
    bits.bits(1)
    coded, flag = (width, height), bits.place
    if bits.bits(1):
        across = 2 if chroma in {1, 2} and not planes else 1
        down = (2 if chroma == 1 and not planes else 1) * (2 - frames_only)
        width -= across * (bits.unsigned() + bits.unsigned())
        height -= down * (bits.unsigned() + bits.unsigned())
    return width, height, chroma, luma_bits, chroma_bits, coded[0] - width, coded[1] - height, flag, bits.place


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last
