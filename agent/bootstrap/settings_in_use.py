"""The settings in use, for those who may not read settings: what an order would change, and what is drawn and set."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from agent.adapters.in_time import in_time
from agent.bootstrap import specs, vision_specs
from agent.contract.device import ConfigData, KeysData, MetaData
from agent.core.errors import ChangeRefused
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.recording.recordings import Recordings
from agent.runtime.remote.change import Change
from agent.runtime.remote.kept import Kept
from agent.settings import Settings
from agent.settings.afar import judge, on_the_spot, why_two
from agent.settings.kept import PLACE, Begun, store_kept


class SettingsInUse:
    """`settings`, `drawn`, `form` and `mistakes` from any thread; the rest as `InUse` has it."""

    def __init__(
        self, begun: Begun, cameras: Cameras, recordings: Recordings, boot_id: str, *, simulated: bool
    ) -> None:
        self._begun = begun
        self.settings = begun.settings
        """The settings that count now."""
        self._before: Settings | None = None
        """What a trial that needed no restart goes back to."""
        self._cameras = cameras
        self._recordings = recordings
        self._boot_id = boot_id
        self._simulated = simulated

    def judge(self, kept: Kept, changes: Mapping[str, Any], role: str) -> Change:
        """Return what a signer of this role would change. Raises ChangeRefused."""
        files, now = self._begun.files, self.settings
        layer, of_office = dict(changes), list[str]()
        if role != "admin":
            layer, of_office = on_the_spot(files, kept.in_force.changes, changes)
        new, two = judge(files, now, layer, PLACE)
        moves = new.mqtt.brokers != now.mqtt.brokers
        return Change(layer, why_two([*two, *of_office]), new == now, moves, partial(self._use, new))

    def _use(self, new: Settings) -> bool:
        """Use these by new camera processes; false if that is not enough."""
        old, self.settings = self.settings, new
        self._before = old
        if not _differ_in_cameras_alone(old, new):
            return False
        pairs = zip(old.cameras, new.cameras, strict=True)
        changed = [after for before, after in pairs if before != after]
        # First the recorders: one must not record unmasked what has got a mask.
        if any(specs.is_recorded(new, camera) for camera in new.cameras):
            from agent.bootstrap.recorder_specs import recorder_specs  # noqa: PLC0415 - most devices record nothing

            self._recordings.respec(recorder_specs(new, self._boot_id))
        self._cameras.respec(vision_specs.vision_spec(new, camera, simulate=self._simulated) for camera in changed)
        return True

    def go_back(self) -> bool:
        """Use the settings before the newest change again; false if that takes a restart of the core."""
        return self._before is not None and self._use(self._before)

    def keep(self, kept: Kept) -> None:
        """Write what is kept. Raises StorageError."""
        in_time(partial(store_kept, self.settings.storage.directory, kept))

    def describe(self, kept: Kept) -> tuple[MetaData, str]:
        """Return what `up/meta` says of the device, and the revision of its settings."""
        return describe(self._begun.trouble, kept, self.settings), specs.revision(self.settings)

    def drawn(self, wanted: int) -> dict[str, Any]:
        """Return the zones, lines and masks of every camera; `wanted` is the highest revision that was asked for."""
        settings, tree = self.settings, self.settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        place = settings.device.location
        cameras = [
            {
                "name": each.name,
                "width": each.width,
                "height": each.height,
                **{key: given.get(key, []) for key in ("zones", "lines", "masks")},
            }
            for each, given in zip(settings.cameras, tree.get("cameras", ()), strict=True)
        ]
        return {"revision": wanted, "place": "" if place is None else place.text, "cameras": cameras}

    def form(self, kept: Kept, wanted: int) -> dict[str, Any]:
        """Return every other setting that an order may change, as the module `form` has them."""
        from agent.settings.form import form  # noqa: PLC0415 - few technicians ask

        return {"revision": wanted, "settings": form(self._begun.files, kept.in_force.changes, self.settings)}

    def mistakes(self, kept: Kept, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an order of a technician would be refused for, a sentence each, and why it takes two signers, if
        it does."""
        try:
            two = self.judge(kept, changes, "technician").two
        except ChangeRefused as refusal:
            return {"mistakes": [_mistake(*each) for each in refusal.mistakes], "two": None}
        return {"mistakes": [], "two": f"T{two[1:]}." if two else None}


def _mistake(path: str, line: str) -> dict[str, str]:
    """Return a line of a refusal as a sentence that stands beside the setting at `path`."""
    said = line.removeprefix(f"{PLACE}: ")
    return {"path": path, "sentence": said.partition(": ")[2] or said if path else said}


def _differ_in_cameras_alone(old: Settings, new: Settings) -> bool:
    """Whether new camera processes are enough. How often pictures come is known to the core, too."""
    rates = [[camera.frames_per_second for camera in each.cameras] for each in (old, new)]
    return old.model_copy(update={"cameras": new.cameras}) == new and rates[0] == rates[1]


def describe(trouble: str, kept: Kept, settings: Settings) -> MetaData:
    """Return what `up/meta` says. `trouble` is why nothing that was set from afar is in force, if so."""
    keys = KeysData(revision=0 if trouble or kept.keys is None else kept.keys.revision, seen=kept.last_keys)
    return specs.meta(settings).model_copy(update={"config": _config(trouble, kept), "keys": keys})


def _config(trouble: str, kept: Kept) -> ConfigData:
    if trouble:
        return ConfigData(revision=0, wanted=kept.wanted, state="failed", reason=trouble[:1000])
    return ConfigData(revision=kept.in_force.revision, wanted=kept.wanted, state=kept.state, reason=kept.reason[:1000])
