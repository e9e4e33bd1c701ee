"""The day of a camera: one module a step, in the order of the day. Each goes on where the one before it ended."""

from collections.abc import Callable

from tests.hil.book import Book
from tests.hil.camera import cable, capture, installation, rights, tampers
from tests.hil.camera.site import CameraSite

STEPS: dict[str, Callable[[CameraSite, Book], None]] = {
    "camera: installation": installation.play,
    "camera: capture": capture.play,
    "camera: cable": cable.play,
    "camera: rights": rights.play,
    "camera: tampers": tampers.play,
}
