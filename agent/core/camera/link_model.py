"""What all messages between the core and its cameras' processes are made of. It imports little: each process has it."""

from pydantic import BaseModel, ConfigDict

from agent.contract.errors import EdgeAgentError

LONGEST_LINE = 128 * 1024
"""Bytes, including the newline: enough for all the masks, zones and hours that the settings allow."""


class LinkError(EdgeAgentError):
    """A line on the link is not a message of this version."""


class LinkModel(BaseModel):
    """What travels on a link between the core and a process of a camera: it holds no name that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")
