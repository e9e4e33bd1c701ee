"""Judges the partition that holds the state directory."""

from dataclasses import dataclass

from agent.core.diagnosis.finding import Finding, fail, ok, warn

_MIB = 1024 * 1024
FULL_BYTES = 4 * _MIB
"""With less than this, not even the outbox's reserve fits."""
_LARGE_OUTBOX_BYTES = 256 * _MIB
_SLOW_MS = 2_000
_MAKE_ROOM = (
    "make room: `sudo du -xh {place} | sort -h | tail` shows what takes it; delete nothing in {directory}, where the "
    "alarms are"
)
_NOT_MOUNTED = (
    "its partition is not mounted: `journalctl -b -u data.mount` says why; repair or replace its card, and reboot"
)
_IN_MEMORY = frozenset({"tmpfs", "ramfs", "overlay"})


@dataclass(frozen=True, slots=True)
class Disk:
    """What the kernel says about the partition."""

    directory: str
    mount_point: str
    file_system: str
    read_only: bool
    free_bytes: int
    """The free space for the user that the agent runs as."""
    free_files: int | None
    """How many more files fit; None if there is no such limit."""
    outbox_bytes: int
    damaged: tuple[str, ...] = ()
    """Databases that were damaged and set aside."""


def judge_disk(disk: Disk, keep_free_bytes: int) -> list[Finding]:
    """Judge everything but whether the disk can be written, which only a trial shows."""
    where = f"{disk.mount_point} ({disk.file_system})"
    findings = []
    in_memory = disk.file_system in _IN_MEMORY
    if disk.read_only:
        mend = (
            "`sudo dmesg | grep -i ext4` says why: if it shows errors, reboot, which checks the partition, once the "
            "centre has the waiting messages, or use a new card; if it does not, "
            f"`sudo mount -o remount,rw {disk.mount_point}`"
        )
        findings.append(
            fail(f"{where} is read-only: nothing survives a power cut", _NOT_MOUNTED if in_memory else mend)
        )
    if disk.free_bytes < FULL_BYTES or disk.free_files == 0:
        full = "full" if disk.free_bytes < FULL_BYTES else "out of inodes"
        findings.append(
            fail(
                f"{where} is {full}: {_size(disk.free_bytes)} left",
                _MAKE_ROOM.format(place=disk.mount_point, directory=disk.directory),
            )
        )
    elif disk.free_bytes < keep_free_bytes:
        make_room = _MAKE_ROOM.format(place=disk.mount_point, directory=disk.directory)
        few = f"{where} has {_size(disk.free_bytes)} left, less than the {_size(keep_free_bytes)} of keep_free_bytes"
        findings.append(warn(f"{few}: no picture is kept", make_room))
    if in_memory and not disk.read_only:
        findings.append(
            warn(
                f"{disk.directory} is in memory ({disk.file_system}): a power cut loses what was not sent yet",
                "give [storage] directory a partition that can be written",
            )
        )
    if disk.outbox_bytes > _LARGE_OUTBOX_BYTES:
        findings.append(
            warn(f"the outbox holds {_size(disk.outbox_bytes)} that no broker accepted", "see the broker's findings")
        )
    findings += [
        warn(f"the database {name} was damaged once and set aside", "keep it for the maker, then delete it")
        for name in disk.damaged
    ]
    return findings or [ok(f"{where}: {_size(disk.free_bytes)} free, outbox {_size(disk.outbox_bytes)}")]


def judge_trial(directory: str, took_ms: float) -> Finding:
    """Judge a trial, in which some bytes were written to the directory, forced to disk and read back."""
    if took_ms > _SLOW_MS:
        return warn(
            f"{directory} can be written, but slowly: {took_ms:.0f} ms", "the card is dying or overloaded: replace it"
        )
    return ok(f"{directory} can be written ({took_ms:.0f} ms to the disk and back)")


def _size(count: int) -> str:
    return f"{count / _MIB:.0f} MiB" if count < 10 * 1024 * _MIB else f"{count / _MIB / 1024:.0f} GiB"
