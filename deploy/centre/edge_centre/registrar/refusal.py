"""What the registrar says when it does not, or not yet, do what it was asked."""

from dataclasses import dataclass

from agent.contract.errors import EdgeAgentError


class Refusal(EdgeAgentError):  # noqa: N818 - a verdict
    """The answer is no, or not now. The text is one for a technician: what is wrong, and what to do next."""

    def __init__(self, text: str, status: int = 403, *, retry_after_s: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Pending:
    """Nobody has approved the request yet."""

    code: str

    @property
    def text(self) -> str:
        """What the technician is told."""
        return f"Waiting for approval: read the code {self.code} to the command centre."
