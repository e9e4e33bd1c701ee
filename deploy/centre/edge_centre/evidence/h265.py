"""NAL units of H.265, as far as a verifier needs to tell them apart."""

from agent.trust.evidence.h264 import Kind, Unit, broken

_LAST_PICTURE = 31
_STARTS_GOP = range(16, 22)
"""BLA, IDR and CRA pictures."""
_KINDS = {
    32: Kind.PARAMETERS,
    33: Kind.PARAMETERS,
    34: Kind.PARAMETERS,
    35: Kind.DELIMITER,
    39: Kind.SEI,
    40: Kind.SEI,
}


def unit(data: bytes, offset: int = 0, time: float = 0.0) -> Unit:
    """Return a NAL unit with what its header says."""
    if len(data) < 2 or data[0] & 0x80:
        return broken(data, offset, time)
    number = data[0] >> 1 & 0x3F
    if number <= _LAST_PICTURE:
        starts = len(data) > 2 and bool(data[2] & 0x80)  # first_slice_segment_in_pic_flag
        return Unit(data, Kind.PICTURE, number, starts, starts and number in _STARTS_GOP, 2, offset, time)
    return Unit(data, _KINDS.get(number, Kind.OTHER), number, header=2, offset=offset, time=time)
