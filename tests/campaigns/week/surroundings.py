"""All that is around the kiosk, and what happens there whether the agent runs or not."""

from pathlib import Path

from agent.bootstrap import specs
from agent.ports import OutgoingMessage
from agent.sim.contacts import SimContacts
from edge_centre.key_files import make_key
from tests.campaigns.week.books import Books
from tests.campaigns.week.centre import Centre
from tests.campaigns.week.chronicle import Chronicle
from tests.campaigns.week.disk import Disk
from tests.campaigns.week.hands import Hands
from tests.campaigns.week.kiosk import HOLD_S, settings_of
from tests.campaigns.week.network import URLS, Site
from tests.campaigns.week.schedule import Event
from tests.campaigns.week.wall import Wall


class Surroundings:
    """Its brokers, centre, contacts, hands, disk and wall clock, and the books about them."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.disk = Disk(directory)
        self.books = Books(directory)
        key = make_key("operator", directory / "keys", "centre-1")
        self.settings = settings_of(self.disk.store, directory / "keys" / "keys.json")
        self.sites = {url: Site(self._hear) for url in URLS}
        self.centre = Centre(key, self.settings.identity, [*self.sites.values()], seed)
        self.contacts = SimContacts(specs.input_lines(self.settings), directory / "contacts.json")
        self.hands = Hands(self.contacts, HOLD_S, specs.light_pins(self.settings), self.books)
        self.wall = Wall(seed)
        self.chronicle = Chronicle()

    def happen(self, event: Event) -> None:
        """Anything but an end of the agent or a sample."""
        now_s = self.wall.now_s
        match event.doing:
            case "press":
                self.hands.press(event.what, now_s)
            case "release":
                self.hands.release(event.what, now_s)
            case "mains" | "battery" | "door":
                self.hands.touch(event.doing, active=event.on)
            case "centre":
                self.centre.watch(begins=not event.on)
            case "network":
                self._network(event.what, ill=event.on)
            case "disk":
                self.disk.fill() if event.on else self.disk.empty()
            case "clock-set":
                self.wall.set_right()
            case "clock-wrong":
                self.wall.set_wrong(event.what) if event.on else self.wall.set_right()
        self.note()

    def note(self) -> None:
        """Have the chronicle know how things are now."""
        first, second = (self.sites[url] for url in URLS)
        ills = {
            "network": not first.up and not second.up,
            "first broker": not first.up,
            "refusal": first.mood == "refuses",
            "silence": first.mood == "silent",
            "centre": not self.centre.is_there,
            "disk": self.disk.is_full,
            "finger": self.hands.is_at_it,
            self.wall.ill() or "": True,
        }
        self.chronicle.note(self.wall.now_s, [kind for kind, ill in ills.items() if kind and ill])

    def _network(self, what: str, *, ill: bool) -> None:
        sites = [*self.sites.values()]
        if what in {"refuses", "silent"}:
            for site in sites:
                site.mood = ("refuses" if what == "refuses" else "silent") if ill else "well"
            return
        for site in sites if what == "all" else sites[:1]:
            site.fail() if ill else site.recover()
        if what == "all":
            self.wall.reach(network=not ill)

    def _hear(self, message: OutgoingMessage) -> None:
        self.books.heard(message, self.wall.now_s)
        self.centre.hear(message, self.wall.now_s)
