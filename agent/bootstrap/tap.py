"""Assembles the tap: where it listens, and what it shows besides messages."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from agent.adapters.binding import PAGE as ENROLLED_PAGE
from agent.adapters.binding import Serials
from agent.bootstrap import specs
from agent.bootstrap.parts import Parts
from agent.bootstrap.platform import board_serials
from agent.bootstrap.settings_in_use import SettingsInUse
from agent.contract.lamps import Pattern
from agent.core import service_code
from agent.core.errors import HardwareError, StorageError
from agent.runtime.commands.orders import OrderDone
from agent.runtime.supervision.shared_file import share
from agent.runtime.tap.service_page import PagePlace
from agent.runtime.tap.tap import Asked, Tap
from agent.settings import Settings
from agent.sim import control_socket

if TYPE_CHECKING:
    from agent.core.commissioning.witness import Witness
    from agent.service_page.interfaces import Place

TAP = "tap"
TAP_GROUP = "edge-agent-tap"
"""May open the tap and read what asks for the service page."""
_STILL = {Pattern.OFF, Pattern.ON, Pattern.STEADY}

log = logging.getLogger(__name__)


def _page_place(settings: Settings, in_use: SettingsInUse, serials: Serials) -> PagePlace:
    """Say where the page finds what it needs, and what that is."""

    def about() -> Mapping[str, Any]:
        # Few start it, and the core need not carry for years what a walk takes.
        from pydantic import TypeAdapter  # noqa: PLC0415

        from agent.bootstrap.commissioning import equipment  # noqa: PLC0415
        from agent.core.commissioning.plan import Equipment  # noqa: PLC0415

        has = equipment(in_use.settings, next(iter(serials()), ""))
        return {
            **settings.service_page.model_dump(),
            "equipment": TypeAdapter(Equipment).dump_python(has, mode="json"),
        }

    def reached() -> str:
        from agent.service_page.interfaces import places  # noqa: PLC0415 - few devices are ever asked

        ports = {"http": settings.service_page.http_port, "https": settings.service_page.https_port}
        return where_it_opens(places(), ports)

    directory = settings.storage.directory
    return PagePlace(
        file=specs.tap_socket(directory).with_name("service-page.json"),
        group=TAP_GROUP,
        certificate=directory / ENROLLED_PAGE,
        kept_code=directory / service_code.FILE,
        blinks=settings.lights.beacon is not None,
        about=about,
        version=lambda: in_use.settings,
        reached=reached,
    )


def where_it_opens(found: "Iterable[Place]", ports: Mapping[str, int]) -> str:
    """Say where a phone reaches the service page, with the port of each scheme, or what to do where none can."""
    listens = sorted(f"{place.scheme}://{place.address}:{ports[place.scheme]} ({place.interface})" for place in found)
    if listens:
        return f"the service page opens at {', '.join(listens)}"
    return (
        "the service page is asked for, but no phone can reach it: the device has no address on a private network by "
        "cable, Wi-Fi or USB. Plug the phone in by USB and share its connection"
    )


class _Shown:
    """Lamps, siren, path, nonce, new settings, what waits for a broker, and how the machine has started, as lines of
    the tap."""

    def __init__(self, parts: Parts) -> None:
        self._clock = parts.context.clock
        self._board = parts.context.board
        self._outbox = parts.outbox
        self._brokers = parts.settings.mqtt.brokers
        self._lights = parts.pins.lights
        self._siren = parts.kiosk.siren
        self._publisher = parts.uplink.publisher
        self._from_afar = parts.from_afar

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """Yield a line for each; `lit` has what was read back of the outputs that do not blink."""
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
        yield {"config": self._from_afar.outcome()}
        yield {"waiting": self._outbox.figures()[0]["state"]}
        yield {"started": {"boot": self._clock.boot_id, "cut": self._outbox.after_cut}}

    def _lost(self) -> Mapping[str, Any]:
        uplink = self._board.parts().get("uplink")
        return {"up": False, **({} if uplink is None or uplink.ok else {"why": uplink.detail})}


def run_tap(stack: ExitStack, parts: Parts) -> None:
    """Run the tap until the stack unwinds; go without it where its socket can't be made: no press needs it."""
    settings, context, outbox = parts.settings, parts.context, parts.outbox
    path = specs.tap_socket(settings.storage.directory)
    try:
        listener = control_socket.listen(path, mode=0o660)
    except StorageError as error:
        log.warning("no tap for a technician: %s", error)
        parts.page.cannot()
        return
    with suppress(OSError):  # then it is its user's alone
        share(path, TAP_GROUP)
    serials = board_serials(settings, simulate=parts.simulated)
    place = _page_place(settings, parts.in_use, serials)
    parts.page.begin(place, parts.kiosk.pipeline, lambda *how: parts.handler.order_done(OrderDone(*how)))

    @cache
    def witness() -> "Witness":
        from agent.bootstrap.commissioning import equipment  # noqa: PLC0415 - as above
        from agent.core.commissioning.plan import plan  # noqa: PLC0415
        from agent.core.commissioning.witness import KEY, Witness  # noqa: PLC0415

        steps = plan(equipment(settings, next(iter(serials()), "")))
        return Witness(steps, outbox.kept(KEY), outbox.keep)

    def asked() -> Mapping[bytes, Asked]:
        from agent.bootstrap.sealing import make_sealing  # noqa: PLC0415 - as above
        from agent.runtime.commissioning.on_the_spot import Drawn, Views  # noqa: PLC0415

        in_use, from_afar = parts.in_use, parts.from_afar
        announcer = parts.uplink.announcer
        sealing = make_sealing(in_use, context, outbox, parts.keys, parts.cameras, announcer, serials, witness())
        names = frozenset(camera.name for camera in settings.cameras)
        views = Views(parts.cameras, names, path.parent, TAP_GROUP, context.clock)
        drawn = Drawn(
            lambda: in_use.drawn(from_afar.wanted),
            lambda: in_use.form(from_afar.kept, from_afar.wanted),
            lambda changes: in_use.mistakes(from_afar.kept, changes),
        )
        reports = dict.fromkeys((b"draft", b"report"), sealing)
        settable = dict.fromkeys((b"cameras", b"settings", b"check"), drawn)
        return {**reports, b"view": views, **settable}

    tap = Tap(listener, outbox, _Shown(parts), parts.handler, parts.page, witness, asked, settings.identity)
    stack.callback(control_socket.remove, path)
    stack.callback(tap.close)
    stack.enter_context(context.supervisor.thread(TAP, tap, essential=False))
