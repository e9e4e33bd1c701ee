"""What a device is told of its province, as a layer of its settings."""

import json

from edge_centre.registrar.config import RegistrarConfig


def settings_text(config: RegistrarConfig, name: str, place: str | None) -> str:
    """Return TOML of dotted keys without a table: the device can append keys of its own (`mqtt.ca_file = ...`)."""
    province, site_id, device = name.split("/")
    lines = [
        "# From the registrar. Enrolment writes this file anew; what you change here is lost.",
        f"device.province = {_toml(province)}",
        f"device.site = {_toml(site_id)}",
        f"device.id = {_toml(device)}",
    ]
    site = config.site_of(name)
    if site is not None:  # one that is gone from the province is no reason to leave its devices without brokers
        lines.append(f"device.location = {{ lat = {site.lat}, lon = {site.lon}, text = {_toml(place or site.text)} }}")
    lines.append(f"mqtt.brokers = {_toml(list(config.brokers))}")
    lines.append(f"centre.names = {_toml(list(config.centres))}")
    if config.evidence is not None:
        lines.append(f"evidence.recipient = {_toml(config.evidence.recipient)}")
        lines.append(f"evidence.max_age_days = {config.evidence.max_age_days}")
        if config.evidence.upload_hosts:
            lines.append(f"upload.hosts = {_toml(list(config.evidence.upload_hosts))}")
    return "\n".join([*lines, ""])


def _toml(value: str | list[str]) -> str:
    # JSON's strings are TOML's as long as no surrogate pair is escaped; DEL is the one that only TOML forbids.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
