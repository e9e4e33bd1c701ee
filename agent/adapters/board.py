"""What the firmware and the kernel say about the board: its serial number, supply, heat, and wear of its storage."""

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.core.diagnosis.wear import Wear

_THROTTLED = Path("devices/platform/soc/soc:firmware/get_throttled")
_VCGENCMD_S = 5.0
_SERIAL = re.compile(r"[0-9a-z][0-9a-z.-]{0,63}")
_SERIAL_LINE = re.compile(r"^Serial\s*:\s*(\S+)$", re.MULTILINE)


class Board:
    """Reads `sysfs` and `proc`, which a test may put elsewhere. Any method may block as long as the kernel does."""

    def __init__(self, sysfs: Path = Path("/sys"), vcgencmd: str = "vcgencmd", proc: Path = Path("/proc")) -> None:
        self._sysfs = sysfs
        self._vcgencmd = vcgencmd
        self._proc = proc

    def serials(self) -> tuple[str, ...]:
        """Return the serial numbers that the board's maker gave it, in small letters: that of the device tree, then
        that of the kernel's list of processors if it is another one. Empty where the kernel knows none, as on most
        machines that are no Raspberry Pi.

        A firmware may have the first only since an update: what was bound to either is this board's."""
        line = _SERIAL_LINE.search(_read(self._proc / "cpuinfo") or "")
        told = (_read(self._proc / "device-tree/serial-number") or "", line[1] if line else "")
        serials = (text.rstrip("\0").strip().lower() for text in told)
        return tuple(dict.fromkeys(each for each in serials if _SERIAL.fullmatch(each) and each.strip("0")))

    def throttled(self) -> int | None:
        """Return the bits of the firmware's `get_throttled`; None where neither sysfs nor vcgencmd has them."""
        text = _read(self._sysfs / _THROTTLED)
        if text is None:
            with suppress(OSError, subprocess.SubprocessError):
                done = subprocess.run(
                    [self._vcgencmd, "get_throttled"], capture_output=True, text=True, timeout=_VCGENCMD_S, check=True
                )
                text = done.stdout.strip().partition("throttled=")[2]
        try:
            return int(text or "", 16)
        except ValueError:
            return None

    def voltage_alarm(self) -> bool | None:
        """Whether the under-voltage alarm of the kernel's hwmon is on; None without such an alarm."""
        alarms = [_read(path) for path in sorted(self._sysfs.glob("class/hwmon/hwmon*/in0_lcrit_alarm"))]
        known = [alarm for alarm in alarms if alarm in {"0", "1"}]
        return "1" in known if known else None

    def temperatures_c(self) -> dict[str, float]:
        """Return the temperature of every thermal zone that has one, by the name of its sensor."""
        found = {}
        for zone in sorted(self._sysfs.glob("class/thermal/thermal_zone*")):
            with suppress(TypeError, ValueError):
                found[_read(zone / "type") or zone.name] = int(_read(zone / "temp") or "") / 1000
        return found

    def wear(self, path: Path) -> "Wear | None":
        """Return the wear of the disk that holds `path`; None if no disk does. Raises OSError if `path` is missing."""
        from agent.core.diagnosis.wear import Wear  # noqa: PLC0415 - the core wants the serial number alone

        number = os.stat(path).st_dev  # noqa: PTH116 - of the link's target
        entry = self._sysfs / "dev" / "block" / f"{os.major(number)}:{os.minor(number)}"
        if not entry.exists():
            return None
        disk = entry.resolve()
        if (disk / "partition").exists():
            disk = disk.parent
        life = (_read(disk / "device" / "life_time") or "").split()
        pre_eol = _read(disk / "device" / "pre_eol_info")
        return Wear(
            device=disk.name,
            is_card=_read(disk / "device" / "type") == "SD",
            life=tuple(int(step, 16) for step in life if _is_hex(step)),
            pre_eol=int(pre_eol, 16) if pre_eol and _is_hex(pre_eol) else None,
        )


def _is_hex(text: str) -> bool:
    return re.fullmatch(r"(0x)?[0-9a-fA-F]{1,8}", text) is not None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
