"""Edge agent for street panic kiosks and CCTV cameras."""

__version__ = "0.1.0"
