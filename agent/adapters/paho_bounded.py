"""A paho client that limits how much memory a broker can make it use, and that pings only when it must."""

import time

from paho.mqtt.client import Client

MAXIMUM_PACKET_BYTES = 132 * 1024
"""The largest packet that we read: the most that deploy's broker passes on, and eight times the largest command. A
command that is somewhat too large must be refused aloud, not dropped by the broker unseen."""
_PUBLISH_AT_QOS_2, _KIND_AND_QOS = 0x34, 0xF6


class BoundedClient(Client):
    """paho's client, which drops the connection at the length field of a packet that it must not keep."""

    overrun = ""
    """What the broker sent that we don't read, in words."""

    def _sock_recv(self, bufsize: int) -> bytes:
        """Overridden because paho reads a packet of any length into memory, and keeps a QoS 2 message, which we never
        ask for, until the broker releases it. Its first call after the length field asks for all the rest."""
        if bufsize > MAXIMUM_PACKET_BYTES:
            self.overrun = f"sent a packet of {bufsize} bytes; at most {MAXIMUM_PACKET_BYTES} are accepted"
            raise ConnectionAbortedError
        packet = self._in_packet
        if packet["have_remaining"] and packet["command"] & _KIND_AND_QOS == _PUBLISH_AT_QOS_2:
            self.overrun = "sent a message with QoS 2, which nobody asked for"
            raise ConnectionAbortedError
        return super()._sock_recv(bufsize)

    def _sock_send(self, buf: bytes | bytearray) -> int:
        """Overridden because paho forgets to note that it has sent something, unless some of it is left to be sent. So
        it pings, though the broker has just heard of us: a quarter of a megabyte a day."""
        count = super()._sock_send(buf)
        self._last_msg_out = time.monotonic()
        return count
