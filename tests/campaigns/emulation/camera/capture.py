"""Pictures come, and some do not."""

from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.camera.camera_log import NAME, kinds
from tests.campaigns.emulation.camera.installation import FRAMES_PER_SECOND
from tests.campaigns.emulation.camera.site import CameraSite
from tests.campaigns.emulation.camera.vivid import NODE
from tests.campaigns.emulation.figures import Meter

_FIRST_S = 60.0
_NEAR = 0.75
"""Of the rate: the emulated processor misses pictures that come while the model runs."""
_MESSAGES = 5
_MORE_MESSAGES = 10
"""Which buffers are dropped is chance."""


def play(site: CameraSite, book: Book) -> None:
    """The rate of the settings, half of it, and a stream that breaks off."""
    with book.row("frames arrive at the rate that the settings name", essential=True) as row:
        stated = site.listen().wait_for_rate(_FIRST_S)["stated_frames_per_second"]
        meter = Meter(site.machine)
        rate = site.listen().rate(_MESSAGES, _NEAR * FRAMES_PER_SECOND)
        meter.stop()
        row.seen = f"{rate:.1f} a second are looked at, the camera states {stated:g}"
        row.figures["frames_per_second"] = rate
        assert stated == FRAMES_PER_SECOND
    with book.row("what it takes, looking") as row:
        meter.tell(row)
    with book.row("half of the buffers are dropped: the rate says so, and nothing else is told") as row:
        site.vivid.set(percentage_of_dropped_buffers=50)
        told = site.listen()
        half = told.rate(_MORE_MESSAGES)
        site.vivid.set(percentage_of_dropped_buffers=0)
        row.seen = f"{half:.1f} a second; tampers: {kinds(told.tampers())}"
        row.figures["frames_per_second_of_half"] = half
        assert 0.2 * rate < half < 0.8 * rate, row.seen
        assert not told.tampers(), row.seen
    with book.row("a stream that ends with an error is opened again, and nothing is told") as row:
        told, mark = site.listen(), site.kiosk.log_mark()
        site.vivid.set(inject_fatal_streaming_error=1)
        ended = site.kiosk.wait_for_log(mark, f"camera {NAME}: {NODE} has stopped")
        again = site.kiosk.wait_for_log(mark, f"camera {NAME} delivers pictures")
        site.listen().wait_for_rate(_FIRST_S)
        row.seen = f"{ended}; {again}"
        assert not told.tampers(), kinds(told.tampers())
