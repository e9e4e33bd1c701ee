"""A process that runs many devices in one thread, and does to them what the fleet orders."""

import asyncio
import gc
import logging
import os
import random
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from tests.campaigns.fleet.device import Device, Plan

_NICENESS = 5
"""Devices give way to the broker: in the field they have processors of their own."""
_TOLD_S = 0.1
_WAITING_TURNS = 5


def run(pipe: Connection, plans: Sequence[Plan]) -> None:
    """Serve the fleet until it says `end`, or is gone. The process gets its end of the pipe as its argument."""
    logging.disable(logging.CRITICAL)  # a thousand agents that lose their broker have much to say
    os.nice(_NICENESS)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(pipe, plans))


async def _serve(pipe: Connection, plans: Sequence[Plan]) -> None:
    worker = Worker(pipe, plans)
    try:
        await worker.over
    except (EOFError, ConnectionError):
        pass  # the fleet is gone
    except Exception:  # noqa: BLE001 - the fleet has to hear of it
        pipe.send(("failed", traceback.format_exc()))
    finally:
        worker.close()


class Worker:
    """Orders come as tuples: the name of one of the methods `do_...`, and what it takes."""

    def __init__(self, pipe: Connection, plans: Sequence[Plan]) -> None:
        self._pipe = pipe
        self._loop = loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = loop.create_future()
        """Done when the fleet has said `end`; fails with what has failed here."""
        self._random = random.Random(plans[0].number)
        self._plans = {plan.number: plan for plan in plans}
        self._devices: dict[int, Device] = {}
        self._dark = {plan.number: Device(plan) for plan in plans}
        """Made, and without power yet."""
        self._silent: list[Any] = []
        self._waiting = 0
        gc.collect()
        gc.freeze()  # as the agent does; a collection that walks over all devices would stop them all
        loop.set_exception_handler(self._fail)
        loop.add_reader(pipe.fileno(), self._obey)
        pipe.send(("ready",))
        self._tell(0, loop.time())

    def close(self) -> None:
        """End every device."""
        for device in (*self._devices.values(), *self._dark.values()):
            device.end()
        self._silent.clear()

    # --- orders

    def do_start(self, starts: Iterable[tuple[int, float]]) -> None:
        """Give these devices power, each after so many seconds."""
        for number, delay_s in starts:
            self._loop.call_later(delay_s, self._start, number)

    def do_press(self, stage: str, is_up: bool) -> None:
        """Press the button of a random device without an open alarm, of one that is connected if `is_up`."""
        ready = [each for each in self._devices.values() if each.is_calm and (each.connected or not is_up)]
        alarm_id, edge_ns = self._random.choice(ready).press() if ready else ("", 0)
        self._pipe.send(("pressed", stage, is_up, alarm_id, edge_ns))

    def do_calm(self) -> None:
        """Close all alarms."""
        for device in self._devices.values():
            device.close_alarms()

    def do_vanish(self, numbers: Iterable[int]) -> None:
        """Cut the power of these devices, and have them ready for its return: all that takes the processor."""
        for number in numbers:
            self._silent += self._devices.pop(number).vanish()
            self._dark[number] = Device(self._plans[number])
        self._pipe.send(("vanished",))

    def do_mains(self, numbers: Iterable[int], failed: bool) -> None:
        """Have these devices run on battery, or no longer."""
        for number in numbers:
            self._devices[number].mains(failed=failed)

    def do_cut(self, cuts: Iterable[tuple[int, float]]) -> None:
        """Break the connection of these devices, each after so many seconds."""
        for number, delay_s in cuts:
            self._loop.call_later(delay_s, self._devices[number].cut)

    def do_events(self, times: int, over_s: float) -> None:
        """Have every device report so many events, evenly."""
        for each in range(times):
            for number, device in self._devices.items():
                at = (each + number / (max(self._devices) + 1)) / times
                self._loop.call_later(at * over_s, device.report_event)

    def do_ledger(self) -> None:
        """Tell what each device has given a number to: its epoch, and the highest number of its record."""
        self._silent.clear()
        devices = self._devices.values()
        self._pipe.send(("ledger", {each.plan.source: (each.outbox.epoch, each.outbox.record[0]) for each in devices}))

    def do_end(self) -> None:
        """Leave."""
        if not self.over.done():
            self.over.set_result(None)

    # --- what happens by itself

    def _obey(self) -> None:
        while self._pipe.poll():
            name, *rest = self._pipe.recv()
            getattr(self, f"do_{name}")(*rest)

    def _fail(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not self.over.done() and error is not None:
            self.over.set_exception(error)

    def _start(self, number: int) -> None:
        device = self._devices[number] = self._dark.pop(number)
        device.start()

    def _tell(self, turns: int, due_s: float) -> None:
        """Tell the fleet how things are; how late that is, is what each device has had to wait for others."""
        late_s = self._loop.time() - due_s
        if turns % _WAITING_TURNS == 0:
            self._waiting = sum(each.waiting for each in self._devices.values())
        connected = sum(each.connected for each in self._devices.values())
        self._pipe.send(("devices", connected, self._waiting, time.process_time(), late_s))
        due_s = self._loop.time() + _TOLD_S
        self._loop.call_at(due_s, partial(self._tell, turns + 1, due_s))


if __name__ == "__main__":
    ours = Connection(int(sys.argv[1]))
    run(ours, ours.recv())
