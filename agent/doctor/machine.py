"""Checks the machine: clock, disk, wear, supply, heat."""

import os
from collections.abc import Iterator
from pathlib import Path

from agent.adapters import account, state_partition
from agent.adapters.board import Board
from agent.adapters.system_clock import SystemClock
from agent.adapters.time_service import TimeService
from agent.core.diagnosis.disk import judge_disk, judge_trial
from agent.core.diagnosis.finding import Finding, fail, ok, warn
from agent.core.diagnosis.power import judge_temperature, judge_throttled, judge_voltage_alarm, no_word_on_power
from agent.core.diagnosis.time_source import TimeSource, judge_time
from agent.core.diagnosis.wear import judge_wear
from agent.doctor.check import Note

LOWER_ROOT = Path("/media/root-ro")
"""Where overlayroot keeps the card's own root."""


def clock(note: Note) -> list[Finding]:
    """Check whether the time is right, and what sets it."""
    note("asking the kernel and the time service")
    system, service = SystemClock(), TimeService()
    name = service.name()
    return judge_time(TimeSource(system.wall(), system.quality(), name, service.battery_clock()))


def disk(directory: Path, keep_free_bytes: int, user: str, note: Note) -> Iterator[Finding]:
    """Check the partition of the state directory: room, kind, and whether it can be written and read back."""
    try:
        note(f"looking at {directory}")
        found = state_partition.look_at(directory)
    except OSError as error:
        yield _of_os(error, directory, user)
        return
    if LOWER_ROOT.is_mount():
        yield ok(
            "the root is read-only: make each change in `sudo overlayroot-chroot`, or it is gone at the next start"
        )
    yield from judge_disk(found, keep_free_bytes)
    if found.read_only:
        return
    there = state_partition.nearest(directory)
    try:
        note(f"writing to {there}")
        yield judge_trial(str(there), state_partition.write_and_read(there))
    except OSError as error:
        if isinstance(error, PermissionError) and there != directory.absolute():
            yield warn(
                f"{directory} is not there yet, and user {account.own_name()} can't make it",
                "the service makes it when it is started (StateDirectory=); elsewhere make it, and chown it",
            )
        else:
            yield _of_os(error, there, user)


def wear(directory: Path, note: Note) -> list[Finding]:
    """Check how worn the card or eMMC is."""
    note("asking the kernel")
    return judge_wear(Board().wear(state_partition.nearest(directory)))


def power(note: Note) -> list[Finding]:
    """Check for under-voltage and throttling."""
    note("asking the firmware")
    board = Board()
    if (bits := board.throttled()) is not None:
        return judge_throttled(bits)
    if (alarm := board.voltage_alarm()) is not None:
        return judge_voltage_alarm(alarm)
    return no_word_on_power()


def temperature(note: Note) -> list[Finding]:
    """Check how hot the machine is."""
    note("reading the sensors")
    return judge_temperature(Board().temperatures_c())


def _of_os(error: OSError, path: Path, user: str) -> Finding:
    if isinstance(error, PermissionError):
        what, do = account.why_denied(path, user)
        own = account.own_name() == user and os.path.isdir(path)  # noqa: PTH112 - also false for one that can't be seen
        return fail(what, f"`sudo chown {user}: {path}`, if it is the agent's alone" if own else do)
    if isinstance(error, FileExistsError | NotADirectoryError):
        return fail(f"{path} is not a directory", "move what is there away, or give [storage] directory another path")
    reason = (error.strerror or str(error)).lower()
    return fail(f"{path} can't be written: {reason}", "make room, or replace the card if `dmesg` shows errors of it")
