"""Messages that make a client deaf whose limit is hardly above its broker's."""

from typing import Final

from edge_centre.adapters.paho_centre import CentreConnection

FAULT: Final = "receives nothing after messages of the broker's maximum size: set a clearly larger Maximum Packet Size"
_MORE_THAN_IN_FLIGHT = 25
_SHIPPED_LIMIT = 132 * 1024
"""Of the shipped brokers; tried where a broker does not say its own."""
_SIZES = 2


def publish_largest(connection: CentreConnection, topic: str) -> None:
    """Publish more messages than may be in flight, as large as the broker takes, and a byte less.

    Raises BrokerError.
    """
    beside = 6 + len(topic)  # the packet's first byte, topic, number and properties
    for number in range(_MORE_THAN_IN_FLIGHT):
        payload = bytes((connection.largest or _SHIPPED_LIMIT) - beside - number % _SIZES)
        connection.publish(topic, payload, retain=False)
