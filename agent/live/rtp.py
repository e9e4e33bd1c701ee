"""H.264 in RTP packets (RFC 6184, packetization mode 1), interleaved in an RTSP connection (RFC 2326, 10.12)."""

import base64
import secrets
import struct
from collections.abc import Sequence

PAYLOAD_TYPE = 96
_MOST = 1400
"""Bytes of a packet's payload: a media server passes it on to viewers in datagrams."""
_HEAD = struct.Struct(">BBHII")
_FRAME = struct.Struct(">cBH")
CHANNEL_SIZE = _FRAME.size
"""Bytes before an interleaved packet."""
_REPORT = struct.Struct(">BBHIQIII")
_SINCE_1900_S = 2_208_988_800
_FU_A = 28
_SPS, _PPS = 7, 8


class Packetizer:
    """Makes packets of access units. One thread."""

    def __init__(self) -> None:
        self._ssrc = secrets.randbits(32)
        self._sequence, self._offset = secrets.randbits(16), secrets.randbits(32)
        self._packets = self._bytes = 0

    def frames(self, nal_units: Sequence[bytes], boottime_ns: int) -> bytes:
        """Return the interleaved packets of an access unit that was captured then, on channel 0."""
        payloads = [payload for unit in nal_units for payload in _payloads(unit)]
        found = []
        for payload in payloads:
            marker = 0x80 if payload is payloads[-1] else 0
            head = _HEAD.pack(0x80, marker | PAYLOAD_TYPE, self._sequence, self._timestamp(boottime_ns), self._ssrc)
            found += [_FRAME.pack(b"$", 0, len(head) + len(payload)), head, payload]
            self._sequence = (self._sequence + 1) & 0xFFFF
            self._packets += 1
            self._bytes += len(payload)
        return b"".join(found)

    def report(self, boottime_ns: int, unix_ns: int) -> bytes:
        """Return a sender report (RFC 3550, 6.4.1), which ties timestamps to the wall clock, on channel 1."""
        ntp = ((unix_ns << 32) // 10**9 + (_SINCE_1900_S << 32)) & 0xFFFF_FFFF_FFFF_FFFF
        counts = (self._packets & 0xFFFF_FFFF, self._bytes & 0xFFFF_FFFF)
        report = _REPORT.pack(0x80, 200, 6, self._ssrc, ntp, self._timestamp(boottime_ns), *counts)
        return _FRAME.pack(b"$", 1, len(report)) + report

    def _timestamp(self, boottime_ns: int) -> int:
        return (self._offset + boottime_ns * 9 // 100_000) & 0xFFFF_FFFF


def nal_units_of(sample: bytes) -> list[bytes]:
    """Return the NAL units of an access unit in which each stands behind its length (4 bytes)."""
    found, at = [], 0
    while at + 4 < len(sample):
        end = at + 4 + int.from_bytes(sample[at : at + 4], "big")
        found.append(sample[at + 4 : end])
        at = end
    return found


def session_description(nal_units: Sequence[bytes], control: str) -> bytes:
    """Return the SDP (RFC 8866) of a stream that begins with these NAL units, at the URL `control`. It names neither
    the device nor the place: the URL does."""
    sets = [unit for unit in nal_units if unit and unit[0] & 0x1F in {_SPS, _PPS}]
    profile = next((unit[1:4].hex() for unit in sets if unit[0] & 0x1F == _SPS), "")
    said = ",".join(base64.b64encode(unit).decode() for unit in sets)
    lines = [
        "v=0",
        "o=- 0 0 IN IP4 127.0.0.1",
        "s=edge-agent",
        "c=IN IP4 0.0.0.0",
        "t=0 0",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"a=rtpmap:{PAYLOAD_TYPE} H264/90000",
        f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={said}",
        f"a=control:{control}",
    ]
    return "".join(f"{line}\r\n" for line in lines).encode()


def _payloads(unit: bytes) -> list[bytes]:
    """Return a NAL unit as one payload, or in fragments (FU-A, RFC 6184, 5.8)."""
    if len(unit) <= _MOST:
        return [unit] if unit else []
    indicator, kind = unit[0] & 0xE0 | _FU_A, unit[0] & 0x1F
    parts = [unit[at : at + _MOST - 2] for at in range(1, len(unit), _MOST - 2)]
    last = len(parts) - 1
    return [
        bytes((indicator, (0x80 if number == 0 else 0) | (0x40 if number == last else 0) | kind)) + part
        for number, part in enumerate(parts)
    ]
