"""What the tap shows besides messages."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from agent.contract.lamps import Pattern
from agent.core.errors import HardwareError
from agent.outbox.outbox import Outbox
from agent.ports import Lights
from agent.runtime.alarms.siren import SirenController
from agent.runtime.supervision.context import Context
from agent.runtime.uplink.publisher import Publisher

_STILL = {Pattern.OFF, Pattern.ON, Pattern.STEADY}


class Shown:
    """Lamps, siren, path, nonce, new settings, what waits for a broker, and how the machine has started, as lines of
    the tap."""

    def __init__(
        self,
        context: Context,
        outbox: Outbox,
        brokers: Sequence[str],
        lights: Lights,
        siren: SirenController | None,
        publisher: Publisher,
        outcome: Callable[[], Mapping[str, Any]],
    ) -> None:
        """`outcome` says what has become of the newest settings."""
        self._clock = context.clock
        self._board = context.board
        self._outbox = outbox
        self._brokers = brokers
        self._lights = lights
        self._siren = siren
        self._publisher = publisher
        self._outcome = outcome

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """Yield a line for each, always in the same order; `lit` has what was read back of the outputs that do not
        blink. On the thread `tap`."""
        # Said here too, as a device that nobody knows yet may have nothing to publish.
        yield {"nonce": self._outbox.nonces.newest(self._clock.boottime_ns())}
        shown = self._lights.shown()
        patterns: Mapping[str, str] = shown.as_dict()
        levels: Mapping[str, bool] = {}
        with suppress(HardwareError):
            levels = self._lights.levels()
        yield {"lamps": patterns, "lit": {name: lit for name, lit in levels.items() if patterns[name] in _STILL}}
        if self._siren is not None:
            yield {"siren": self._siren.figures()["on"]}
        path = self._publisher.path
        yield {"path": self._lost() if path is None else {"broker": self._brokers[path], "up": True}}
        yield {"config": self._outcome()}
        yield {"waiting": self._outbox.figures()[0]["state"]}
        yield {"started": {"boot": self._clock.boot_id, "cut": self._outbox.after_cut}}

    def _lost(self) -> Mapping[str, Any]:
        uplink = self._board.parts().get("uplink")
        return {"up": False, **({} if uplink is None or uplink.ok else {"why": uplink.detail})}
