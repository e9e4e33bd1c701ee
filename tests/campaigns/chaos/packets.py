"""Just enough of MQTT to stand between two who speak it: whole packets, and what a broker may answer."""

import struct
from dataclasses import dataclass

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

MQTT5 = 5
CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its bytes, its type and where its body begins."""

    raw: bytes
    body_at: int

    @property
    def kind(self) -> int:
        """The packet type."""
        return self.raw[0] >> 4

    @property
    def body(self) -> bytes:
        """What follows the fixed header."""
        return self.raw[self.body_at :]

    @property
    def is_qos_1(self) -> bool:
        """Whether a PUBLISH must be acknowledged."""
        return bool(self.raw[0] & 0x06)

    @property
    def level(self) -> int:
        """Protocol level of a CONNECT."""
        return self.body[6]

    @property
    def topic(self) -> str:
        """Topic of a PUBLISH."""
        (length,) = struct.unpack_from("!H", self.body)
        return self.body[2 : 2 + length].decode()

    @property
    def mid(self) -> int:
        """Number of a PUBLISH of QoS 1, or of a PUBACK."""
        at = 0
        if self.kind == PUBLISH:
            at = 2 + struct.unpack_from("!H", self.body)[0]
        return int(struct.unpack_from("!H", self.body, at)[0])


def split(data: bytes) -> tuple[list[Packet], bytes]:
    """The whole packets at the beginning, and the rest."""
    packets: list[Packet] = []
    while (size := _size(data)) is not None:
        whole, body_at = size
        packets.append(Packet(data[:whole], body_at))
        data = data[whole:]
    return packets, data


def _size(data: bytes) -> tuple[int, int] | None:
    length = 0
    for index, byte in enumerate(data[1:5]):
        length |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            body_at = index + 2
            return (body_at + length, body_at) if len(data) >= body_at + length else None
    return None


def connack(level: int, code: int) -> bytes:
    """A refused connection; before MQTT 5 every reason is told as "server unavailable"."""
    return bytes([CONNACK << 4, 3, 0, code, 0]) if level == MQTT5 else bytes([CONNACK << 4, 2, 0, 3])


def puback(mid: int, code: int) -> bytes:
    """An answer to a PUBLISH (MQTT 5)."""
    return struct.pack("!BBHBB", PUBACK << 4, 4, mid, code, 0)


def with_receive_maximum(packet: Packet, receive_maximum: int) -> bytes:
    """A CONNACK (MQTT 5) with another Receive Maximum."""
    properties = Properties(PacketTypes.CONNACK)  # type: ignore[no-untyped-call]
    properties.unpack(packet.body[2:])  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = receive_maximum
    body: bytes = packet.body[:2] + properties.pack()  # type: ignore[no-untyped-call]
    assert len(body) < 128, "a longer CONNACK than a broker sends"
    return bytes([CONNACK << 4, len(body)]) + body
