"""Looks by a stream, each ended by a kill at a random moment: of the core, of the recorder, or of what pushes."""

import random
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

from agent.trust.jose_keys import sign
from tests.support.looking import Looking
from tests.support.media_server import MediaServer
from tests.support.recorded_kiosk import Site
from tests.support.wait import wait_for

VICTIMS = ("core", "recorder", "pusher")
_MOMENTS_S = (0.1, 1.0, 4.0)


class StreamKills:
    """One recorded kiosk, its broker, and a media server."""

    def __init__(self, directory: Path, seed: int) -> None:
        self._chance = random.Random(seed)
        self._directory = directory
        self.missing: list[str] = []
        """What the record lacks, or has otherwise than it was."""
        self.streams = self.looks = 0
        """How many began at the server, and how many are in the record."""

    def play(self, kills: int) -> None:
        """Have so many looks ended so."""
        with ExitStack() as opened:
            server = opened.enter_context(MediaServer(self._directory / "media"))
            site = Site(opened, self._directory, live=server.settings())
            who = Looking(site.centre, site.kiosk.key)
            for number in range(kills):
                self._look(site, who, VICTIMS[number % len(VICTIMS)])
            self._judge(site, who, server)

    def _look(self, site: Site, who: Looking, victim: str) -> None:
        seen = len(who.centre.messages("health"))

        def is_recorded() -> bool:
            said = who.centre.messages("health")[seen:]
            return bool(said) and said[-1].data["cameras"].get("front", {}).get("recording", {}).get("before_s", 0) > 1

        wait_for(is_recorded, 120, "a camera that is recorded")
        who.centre.send("command/live-start", sign(who.claims("live-start", rung="stream", lease_s=10), who.key))
        time.sleep(self._chance.choice(_MOMENTS_S) * self._chance.random())
        if victim == "core":
            site.kiosk.kill()
            site.kiosk.start()
            return
        module = {"recorder": "agent.recorder", "pusher": "agent.live"}[victim]
        for each in site.kiosk.children():
            with suppress(psutil.Error):
                if module in each.cmdline():
                    each.kill()

    def _judge(self, site: Site, who: Looking, server: MediaServer) -> None:
        def is_whole() -> bool:
            return {each["live"] for each in who.told("live-started")} <= {e["live"] for e in who.told("live-stopped")}

        try:
            wait_for(is_whole, 60, "an end of every look")
            wait_for(lambda: server.closed >= len(server.files), 30, "the end of every stream")
        except AssertionError as error:
            self.missing.append(str(error))
        began = [each["live"] for each in who.told("live-started")]
        ended = {each["live"] for each in who.told("live-stopped")}
        self.streams, self.looks = len(server.files), len(began)
        self.missing += [f"{live} ended and never began" for live in ended - {*began}]
        if self.streams > self.looks:
            self.missing.append(f"{self.streams} streams, and {self.looks} looks in the record")
        if any("agent.live" in each.cmdline() for each in site.kiosk.children()):
            self.missing.append("something still pushes")
