"""What a command centre says of itself on `{root}/host/{centre}/state`: whether people are watching."""

import json
from datetime import datetime

from agent.contract.envelope import rfc3339
from agent.contract.identity import LEVEL

MAX_STATE_BYTES = 1024
"""A centre's state is far shorter; anything longer is not read."""
REPEAT_S = 60.0
"""How often a centre repeats its state: a broker may not have kept it, or only another node of a cluster has."""


class CentreStateError(ValueError):
    """A payload that is not a centre's state."""


def centre_name(level: str) -> str:
    """Return the name of the centre in a topic level. Raises CentreStateError for a name that no centre may have."""
    if not LEVEL.match(level):
        raise CentreStateError("not a valid name for a centre")
    return level


def read_state(payload: bytes, size: int) -> bool | None:
    """Return whether the centre says that it watches; None if its retained state was cleared.

    Raises CentreStateError for anything that the contract does not allow.
    """
    if not size:
        return None
    if size > MAX_STATE_BYTES:
        raise CentreStateError(f"{size} bytes; at most {MAX_STATE_BYTES} are accepted")
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise CentreStateError("not JSON") from error
    online = said.get("online") if isinstance(said, dict) else None
    if not isinstance(online, bool):
        raise CentreStateError('not an object with "online" true or false')
    return online


def write_state(*, online: bool, time: datetime) -> bytes:
    """Return a centre's state as it publishes it."""
    return json.dumps({"online": online, "time": rfc3339(time)}).encode()


def host_topic(root: str, centre: str) -> str:
    """Return the topic of a centre's state. Raises CentreStateError for a name that no centre may have."""
    return f"{root}/host/{centre_name(centre)}/state"
