"""What keeps a card from being prepared."""

from agent.contract.errors import EdgeAgentError


class CardError(EdgeAgentError):
    """The card stays as it was; the text is one sentence that says what to do."""
