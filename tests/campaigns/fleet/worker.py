"""A process that runs many devices in one thread, and does to them what the fleet orders."""

import gc
import logging
import math
import os
import random
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from tests.campaigns.fleet.device import Device, Plan
from tests.campaigns.fleet.loop import READ, Loop

_LOOK_S = 0.5
"""How often the agent's own threads look at what is due."""
_COUNT_S, _SUM_S = 0.1, 0.5


def run(pipe: Connection, plans: Sequence[Plan], niceness: int) -> None:
    """Serve the fleet until it says `end`, or is gone. The process gets its end of the pipe as its argument."""
    logging.disable(logging.CRITICAL)  # a thousand agents that lose their broker have much to say
    os.nice(niceness)
    worker = None
    try:
        worker = Worker(pipe, plans)
        worker.serve()
    except (EOFError, ConnectionError, KeyboardInterrupt):
        pass  # the fleet is gone
    except Exception:  # noqa: BLE001 - the fleet has to hear of it
        pipe.send(("failed", traceback.format_exc()))
    finally:
        if worker is not None:
            worker.close()


class Worker:
    """Orders come as tuples: the name of one of the methods `do_...`, and what it takes."""

    def __init__(self, pipe: Connection, plans: Sequence[Plan]) -> None:
        self._pipe = pipe
        self._loop = Loop()
        self._random = random.Random(plans[0].number)
        self._plans = {plan.number: plan for plan in plans}
        self._active: dict[int, None] = {}
        self._devices: dict[int, Device] = {}
        self._dark: dict[int, Device] = {}
        """Made, and without power yet."""
        self._silent: list[Any] = []
        self._is_over = False
        self._slowest_s = 0.0
        for plan in plans:
            self._dark[plan.number] = self._make(plan)
        gc.collect()
        gc.freeze()  # as the agent does; a collection that walks over all devices would stop them all
        self._loop.watch(pipe, READ, self._obey)
        self._loop.after(_COUNT_S, self._count)
        self._loop.after(_SUM_S, self._sum)
        pipe.send(("ready",))

    def serve(self) -> None:
        """Let the devices live until `end`."""
        while not self._is_over:
            self._loop.run_once(1.0)
            began_s = time.monotonic()
            while self._active:
                number, _ = self._active.popitem()
                if number in self._devices:
                    self._devices[number].turn()
            self._slowest_s = max(self._slowest_s, time.monotonic() - began_s)

    def close(self) -> None:
        """End every device."""
        for device in (*self._devices.values(), *self._dark.values()):
            device.end()
        self._silent.clear()
        self._loop.close()

    # --- orders

    def do_start(self, starts: Iterable[tuple[int, float]]) -> None:
        """Give these devices power, each after so many seconds."""
        for number, delay_s in starts:
            self._loop.after(delay_s, partial(self._start, number))

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
            self._dark[number] = self._make(self._plans[number])
        self._pipe.send(("vanished",))

    def do_cut(self, cuts: Iterable[tuple[int, float]]) -> None:
        """Break the connection of these devices, each after so many seconds."""
        for number, delay_s in cuts:
            self._loop.after(delay_s, self._devices[number].cut)

    def do_events(self, times: int, over_s: float) -> None:
        """Have every device report so many events, evenly."""
        for each in range(times):
            for number, device in self._devices.items():
                at = (each + number / (max(self._devices) + 1)) / times
                self._loop.after(at * over_s, device.report_event)

    def do_ledger(self) -> None:
        """Tell what each device has given a number to: its epoch, and the highest number of its record."""
        self._silent.clear()
        ledger = {
            f"/edge/{each.plan.user}": (each.outbox.epoch, each.outbox.record[0]) for each in self._devices.values()
        }
        self._pipe.send(("ledger", ledger))

    def do_end(self) -> None:
        """Leave."""
        self._is_over = True

    # --- what happens by itself

    def _obey(self, _: int) -> None:
        while self._pipe.poll():
            name, *rest = self._pipe.recv()
            getattr(self, f"do_{name}")(*rest)

    def _make(self, plan: Plan) -> Device:
        return Device(plan, self._loop, partial(self._active.__setitem__, plan.number, None))

    def _start(self, number: int) -> None:
        device = self._devices[number] = self._dark.pop(number)
        self._tick(device, 0)

    def _tick(self, device: Device, looks: int) -> None:
        if self._devices.get(device.plan.number) is not device:
            return  # its power has gone
        if looks % math.ceil(device.patience_s / _LOOK_S) == 0:
            device.tick()
        self._loop.after(_LOOK_S, partial(self._tick, device, looks + 1))

    def _count(self) -> None:
        self._loop.after(_COUNT_S, self._count)
        self._pipe.send(("connected", sum(each.connected for each in self._devices.values())))

    def _sum(self) -> None:
        self._loop.after(_SUM_S, self._sum)
        slowest_s, self._slowest_s = self._slowest_s, 0.0
        waiting = sum(each.waiting for each in self._devices.values())
        self._pipe.send(("sum", waiting, time.process_time(), slowest_s))


if __name__ == "__main__":
    ours = Connection(int(sys.argv[1]))
    run(ours, *ours.recv())
