"""The initial file system: busybox, a few modules, and a script that goes on to the root on the first disk.

Before that it ties the pins of `emulation.closed` to ground, so that no program sees them otherwise.
"""

import gzip
from collections.abc import Sequence
from pathlib import Path

_NETWORK = ("10.0.2.15", "255.255.255.0")
"""Of the guest in QEMU's user network, which gives this address to the first that asks."""
_INIT = """\
#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t proc proc /proc
$bb mount -t sysfs sys /sys
$bb mount -t devtmpfs dev /dev
while read -r module; do $bb insmod "/modules/$module" || echo "emulation: no module $module"; done < /modules/order
{header}for word in $($bb cat /proc/cmdline); do
  case $word in emulation.closed=*) closed=${{word#*=}} ;; esac
done
for pin in $(echo "$closed" | $bb tr , ' '); do
  echo pull-down > "$(echo /sys/devices/platform/*/gpiochip*/sim_gpio$pin/pull)"
done
$bb ifconfig lo 127.0.0.1 up
$bb ifconfig eth0 {address} netmask {mask} up
tries=0
until [ -b /dev/vda ] || [ $tries -ge 100 ]; do tries=$((tries + 1)); $bb sleep 0.1; done
$bb mount -t ext4 /dev/vda /root || $bb poweroff -f
$bb umount /sys /proc
$bb mount --move /dev /root/dev
exec $bb switch_root /root /sbin/init
"""
_DIRECTORY, _FILE, _DEVICE = 0o40755, 0o100755, 0o20600
_CONSOLE = (5, 1)


def build(busybox: Path, modules: Sequence[Path], archive: Path, header: str = "") -> None:
    """Write it as `archive`; `header` are commands that make pins."""
    entries: list[tuple[str, int, bytes]] = [
        (name, _DIRECTORY, b"") for name in ("bin", "dev", "modules", "proc", "root", "sys")
    ]
    entries += [("bin/busybox", _FILE, busybox.read_bytes())]
    entries += [(f"modules/{path.name}", _FILE, path.read_bytes()) for path in modules]
    entries += [("modules/order", _FILE, "".join(f"{path.name}\n" for path in modules).encode())]
    init = _INIT.format(address=_NETWORK[0], mask=_NETWORK[1], header=header)
    entries += [("init", _FILE, init.encode()), ("dev/console", _DEVICE, b"")]
    content = b"".join(_entry(number, *each) for number, each in enumerate(entries, 1))
    archive.write_bytes(gzip.compress(content + _entry(0, "TRAILER!!!", 0, b""), 6, mtime=0))


def _entry(number: int, name: str, mode: int, content: bytes) -> bytes:
    """One file in the format "newc" of cpio: see the kernel's buffer-format.rst."""
    device = _CONSOLE if mode == _DEVICE else (0, 0)
    fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return _padded(head) + _padded(content)


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 4)
