"""The core's end of the uploader, with its real process: it is there while it is needed, and its end is noticed."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.core.delivery.upload_link import Done, Put
from agent.runtime.sending.uploader import Uploader
from tests.support.sim_clock import SimClock
from tests.support.store import Store
from tests.support.wait import wait_for

COMMAND = (sys.executable, "-m", "agent.upload", "--fd")


class Rig:
    def __init__(self, directory: Path, store: Store) -> None:
        self.clock = SimClock()
        self.store = store
        self.uploader = Uploader(COMMAND, self.clock)
        self.media = directory / "a.mp4"
        self.media.write_bytes(b"x" * 3_000_000)

    def put(self, number: int = 1) -> None:
        self.uploader.put(Put(number, str(self.media), self.store.url(f"{number}?secret")))

    def done(self) -> Done:
        return wait_for(self.uploader.look)  # type: ignore[return-value]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Store() as store:
        made = Rig(tmp_path, store)
        yield made
        made.uploader.close()


def test_one_put_after_the_other_is_done_and_then_the_process_goes(rig: Rig) -> None:
    rig.put(1)
    assert rig.done().status == 200
    process = rig.uploader._child.process
    assert process is not None
    rig.put(2)
    assert rig.uploader._child.process is process
    assert (rig.done().status, rig.uploader.is_busy) == (200, False)
    rig.clock.advance(timedelta(seconds=11))
    assert rig.uploader.look() is None
    assert rig.uploader.socket is None
    assert process.poll() in {-9, 0}  # killed, or faster: its link is closed first


def test_an_uploader_that_dies_is_a_put_that_failed_and_the_next_one_has_another(rig: Rig) -> None:
    rig.store.bytes_s = 1_000_000
    rig.put()
    wait_for(lambda: rig.store.read > 100_000)
    assert rig.uploader._child.process is not None
    rig.uploader._child.process.kill()
    done = rig.done()
    assert (done.number, done.status, done.detail) == (1, 0, "the uploader has ended")
    assert done.sent >= rig.store.read > 0
    rig.store.bytes_s = 0
    rig.put(2)
    assert rig.done().status == 200


def test_a_store_that_answers_a_letter_at_a_time_is_given_up(rig: Rig) -> None:
    rig.store.script.append("drip")
    rig.put()
    wait_for(lambda: rig.store.puts)

    def later() -> Done | None:
        rig.clock.advance(timedelta(seconds=26))
        return rig.uploader.look()

    done = wait_for(later)
    assert done is not None
    assert (done.status, done.detail) == (0, "nothing has moved for 25 s")
    assert rig.uploader.socket is None


def test_what_is_held_is_not_given_up_and_a_new_process_is_held_too(rig: Rig) -> None:
    rig.uploader.hold(holds=True)
    rig.put()
    rig.clock.advance(timedelta(seconds=100))
    assert rig.uploader.look() is None
    assert rig.uploader.is_busy
    assert rig.store.puts == []
    rig.uploader.hold(holds=False)
    assert rig.done().status == 200
