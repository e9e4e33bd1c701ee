"""Assembles the tap: where it listens, and who answers there."""

import logging
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from agent.adapters.binding import PAGE as ENROLLED_PAGE
from agent.adapters.binding import Serials
from agent.bootstrap import specs
from agent.bootstrap.parts import Parts
from agent.bootstrap.platform import board_serials
from agent.bootstrap.settings_in_use import SettingsInUse
from agent.core import service_code
from agent.core.errors import StorageError
from agent.runtime.commands.orders import OrderDone
from agent.runtime.supervision.shared_file import share
from agent.runtime.tap.service_page import PagePlace
from agent.runtime.tap.shown import Shown
from agent.runtime.tap.tap import Asked, Tap
from agent.settings import Settings
from agent.sim import control_socket

if TYPE_CHECKING:
    from agent.core.commissioning.witness import Witness

TAP = "tap"
TAP_GROUP = "edge-agent-tap"
"""May open the tap and read what asks for the service page."""

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
        from agent.service_page.interfaces import places, where_it_opens  # noqa: PLC0415 - few devices are ever asked

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

    lights, siren, publisher = parts.pins.lights, parts.kiosk.siren, parts.uplink.publisher
    shown = Shown(context, outbox, settings.mqtt.brokers, lights, siren, publisher, parts.from_afar.outcome)
    tap = Tap(listener, outbox, shown, parts.handler, parts.page, witness, asked, settings.identity)
    stack.callback(control_socket.remove, path)
    stack.callback(tap.close)
    stack.enter_context(context.supervisor.thread(TAP, tap, essential=False))
