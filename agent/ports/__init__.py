"""Protocols for everything that the agent needs from the outside. `adapters/` has the real ones, `sim/` working fakes.

Import everything from here. Constructing an implementation starts nothing; `start` or `open` does.
"""

from agent.ports.broker import (
    COPIED_CARD,
    MAX_RECEIVED_BYTES,
    Broker,
    BrokerAddress,
    BrokerEvent,
    Connected,
    Line,
    OutgoingMessage,
    Published,
    Received,
)
from agent.ports.camera import Camera, Detection, Detector, Frame
from agent.ports.kiosk import Buttons, Clock, Lights, Notifier, Siren
from agent.trust.disconnected import TAKEN_OVER, Disconnected

__all__ = [
    "COPIED_CARD",
    "MAX_RECEIVED_BYTES",
    "TAKEN_OVER",
    "Broker",
    "BrokerAddress",
    "BrokerEvent",
    "Buttons",
    "Camera",
    "Clock",
    "Connected",
    "Detection",
    "Detector",
    "Disconnected",
    "Frame",
    "Lights",
    "Line",
    "Notifier",
    "OutgoingMessage",
    "Published",
    "Received",
    "Siren",
]
