"""Live view: what a picture of it is. It is no message: it waits nowhere, and has no number."""

LIVE = "live"
"""The level below `up/`; the camera's name follows."""
MAX_BYTES = 60 * 1024
MAX_WIDTH = 640
"""Pixels. Enough to see what happens, and a second of it is what a slow line carries."""
