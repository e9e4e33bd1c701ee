"""Why something is not shown."""

from agent.contract.errors import EdgeAgentError


class RefusalError(EdgeAgentError):
    """Nothing is shown, and whoever asked reads why. `status` is that of HTTP."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
