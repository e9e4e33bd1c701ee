"""Pictures of every view, by day and by night: python -m tests.control_room.service_page.shots OUT."""

import json
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from agent.trust.jose_keys import PrivateKey
from tests.control_room.rig import AS_ROOT, CHROMIUM
from tests.control_room.service_page.conftest import PHONE, ScriptedPhone
from tests.control_room.service_page.scripted import Device, key_ring
from tests.control_room.service_page.views import VIEWS

_BUILT = Path(__file__).parents[3] / "agent" / "service_page" / "static"


def main(out: Path, only: str = "") -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=AS_ROOT)
        key = PrivateKey.generate("technician", "sipho")
        file = Path(made) / "key.json"
        file.write_text(json.dumps(key.as_jwk()))
        for name, show in VIEWS.items():
            if only not in name:
                continue
            device = Device(_BUILT, key_ring(Path(made), key))
            context = browser.new_context(**PHONE)
            phone = ScriptedPhone(context.new_page(), device, file)
            show(phone)
            for scheme in ("light", "dark"):
                phone.page.emulate_media(color_scheme=scheme)
                phone.page.screenshot(path=out / f"{name}-{scheme}.png")
            print(name, phone.complaints)
            context.close()
            device.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
