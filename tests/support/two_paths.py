"""Times for a kiosk that has two brokers, and how it is seen to have come to one."""

from tests.support.centre import Centre

ALARM_TIMEOUT_S = 2.0
QUICK = {"alarm_timeout_s": ALARM_TIMEOUT_S, "return_after_s": 2, "keepalive_s": 5, "connect_timeout_s": 5}
PATIENT = {**QUICK, "return_after_s": 3600}
SLOW_DAY_S = 10.0
"""What a loaded machine may add to the times of the settings."""


def online(centre: Centre, after_bdseq: int = 0) -> int:
    """The `bdseq` of a birth above this one."""
    birth = centre.wait_for(
        "state", lambda m: m.data["state"] == "online" and m.data["bdseq"] > after_bdseq, timeout_s=20
    )
    return int(birth.data["bdseq"])
