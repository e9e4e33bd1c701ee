"""Finds what a device's settings still have from the example: they begin as a copy of one."""

from agent.settings.tree import Settings

_IDS = frozenset(
    {
        *("kiosk-0042", "kiosk-0043", "kiosk-0044", "kiosk-0045"),
        *("camera-0004", "camera-0005", "gateway-0001"),
    }
)
_PLACE = (-26.1972, 28.0415)


def left_of_example(settings: Settings) -> list[tuple[str, str]]:
    """Return what is still as in the profiles of `firmware_configs/`, and what to do about it. It may be intended."""
    left = []
    device = settings.device
    if device.id in _IDS:
        what = f"[device] id is {device.id!r}, which is also the example's"
        left.append((what, "unless it is this device's own, change it in 90-device.toml: no two devices share one"))
    if device.location is not None and (device.location.lat, device.location.lon) == _PLACE:
        what = f"[device] location is the example's ({device.location.text or 'Park Station'})"
        left.append((what, "change it in 90-device.toml: it is where the centre sends help"))
    return left
