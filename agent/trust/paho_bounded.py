"""A paho client that limits how much memory a broker can make it use, and that pings only when it must."""

import time

from paho.mqtt.client import Client

MAXIMUM_PACKET_BYTES = 1024 * 1024
"""The largest packet that an MQTT 5 broker may send us. It is clearly above what our brokers take: 132 KiB, and up to
64 KiB more in what they deliver, as a sender may write a topic as an alias. Mosquitto drops what is too large for us
and never gives back its place in flight: after twenty such messages no ack reaches us any more."""
KEPT_PACKET_BYTES = 256 * 1024
"""So much of a message is kept in memory; the rest is dropped as it comes. What is left is still larger than any
message of the contract, so it is refused. To end the connection would cut us off while a broker has it retained."""
_MOST_AT_ONCE = 16 * 1024
_PUBLISH, _KIND = 0x30, 0xF0
_PUBLISH_AT_QOS_2, _KIND_AND_QOS = 0x34, 0xF6


class BoundedClient(Client):
    """paho's client, which drops what is too long of a message, and the connection at the length field of any other
    packet that it must not keep."""

    overrun = ""
    """What the broker sent that we don't read, in words."""
    dropped = 0
    """How many bytes at the end of the newest message were dropped."""

    def _sock_recv(self, bufsize: int) -> bytes:
        """Overridden because paho reads a packet of any length into memory, and keeps a QoS 2 message, which we never
        ask for, until the broker releases it. Its first call after the length field asks for all the rest."""
        packet = self._in_packet
        if not packet["have_remaining"]:
            self.dropped = 0
            return super()._sock_recv(bufsize)
        if packet["command"] & _KIND_AND_QOS == _PUBLISH_AT_QOS_2:
            self.overrun = "sent a message with QoS 2, which nobody asked for"
            raise ConnectionAbortedError
        if packet["command"] & _KIND != _PUBLISH and bufsize > MAXIMUM_PACKET_BYTES:
            self.overrun = f"sent a packet of {bufsize} bytes; at most {MAXIMUM_PACKET_BYTES} are accepted"
            raise ConnectionAbortedError
        if (more := len(packet["packet"]) - KEPT_PACKET_BYTES) > 0:
            del packet["packet"][KEPT_PACKET_BYTES:]
            self.dropped += more
        return super()._sock_recv(min(bufsize, _MOST_AT_ONCE))

    def _sock_send(self, buf: bytes | bytearray) -> int:
        """Overridden because paho forgets to note that it has sent something, unless some of it is left to be sent. So
        it pings, though the broker has just heard of us: a quarter of a megabyte a day."""
        count = super()._sock_send(buf)
        self._last_msg_out = time.monotonic()
        return count
