"""Checks how much of the data of a SIM card is used."""

from pathlib import Path

from agent.core.diagnosis.agent_report import data_figures
from agent.core.diagnosis.data_use import judge_data
from agent.core.diagnosis.finding import Finding
from agent.doctor.check import Device, Note


def data_use(device: Device, note: Note) -> list[Finding]:
    """Ask the machine for the interface, and the agent for what it has counted."""
    interface, limit = device.settings.data.interface, device.settings.data.month_bytes
    note(f"looking at {interface}")
    exists = Path("/sys/class/net", interface).exists()
    if device.agent is None and exists:
        return []
    return judge_data(data_figures(device.status), interface, limit, exists=exists)
