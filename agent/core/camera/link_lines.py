"""What both links between the core and the processes of a camera share. Without pydantic: a recorder has no room."""

from agent.contract.errors import EdgeAgentError

LONGEST_LINE = 128 * 1024
"""Bytes, including the newline: enough for all the masks, zones and hours that the settings allow."""


class LinkError(EdgeAgentError):
    """A line on the link is not a message of this version."""
