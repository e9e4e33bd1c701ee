"""Does what docs/how-to/run-a-control-room.md says, on this machine's Debian, of which nothing is changed.

`unshare --fork --pid --kill-child --mount --net --mount-proc python -m tests.control_room.guide DIRECTORY`, as
root: in namespaces of its own, with a layer over the system's directories that is gone at the end. Stood in for are
sudo, apt-get (what it would fetch must be installed), ansible-playbook, runuser and systemctl.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.control_room.rig import CHROMIUM, OPERATOR, PASSWORD

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "how-to" / "run-a-control-room.md"
_LAYERED = ("/etc", "/opt", "/usr/local", "/usr/share", "/var")
_STAND_INS = {
    "sudo": 'exec "$@"',
    "apt-get": """\
shift
for each; do case $each in
ansible-core) ;;
*) dpkg-query -W -f='${Status}\\n' "$each" | grep -q 'ok installed' || exit 1 ;;
esac; done""",
    "ansible-playbook": f'exec {sys.executable} -m tests.control_room.playbook "$@"',
    "runuser": 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    "systemctl": """\
case "$2" in
edge-agent-registrar)
  mkdir -p /run/edge-agent-registrar /var/lib/edge-agent-registrar
  registrar --config /etc/edge-agent-registrar/registrar.toml serve >/var/log/registrar.log 2>&1 &
  until [ -S /run/edge-agent-registrar/registrar.sock ]; do sleep 0.1; done ;;
mosquitto)
  # One that has just begun may not hear the first signal, and one that has ended has no program.
  pid=$(cat /run/mosquitto.pid 2>/dev/null) &&
    while readlink "/proc/$pid/exe" >/dev/null; do kill "$pid"; sleep 0.1; done
  setsid mosquitto -c /etc/mosquitto/mosquitto.conf >/dev/null 2>&1 &
  echo $! >/run/mosquitto.pid
  until ss -Hltn sport = :8883 | grep -q .; do sleep 0.1; done ;;
nginx) exec nginx ;;
*) exit 1 ;;
esac""",
}


def blocks(text: str) -> list[str]:
    """The commands of a page, block by block, as a reader would type them."""
    found = re.findall(r"^( *)```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in block.splitlines()) for indent, block in found]


class Reader:
    """Somebody at a terminal: one shell, in which every block is typed, from the top of the repository."""

    def __init__(self, directory: Path) -> None:
        self._work, self.home = directory / "repository", directory / "home"
        for each in (self._work, self.home / "Downloads", programs := directory / "programs"):
            each.mkdir(parents=True)
        (ROOT / "dist").mkdir(exist_ok=True)  # where deploy/province builds the page, wherever it is called from
        for path in ROOT.iterdir():
            if path.name not in {"provinces", ".run", "kiosk.log"}:
                (self._work / path.name).symlink_to(path)
        for name, script in _STAND_INS.items():
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        self._environment = {
            **os.environ,
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT / "tests/support/trusted_clock"),  # nobody has set this machine's
            "PATH": f"{programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        }

    def types(self, block: str, answer: str = "") -> str:
        """Type a block; returns what it printed. What it exports stays, and so does nothing else."""
        kept = self.home / "environment"
        script = f"set -e\n{block}\nenv -0 >{kept}\n"
        output = self.home / "output.txt"
        with output.open("w+") as file:
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=self._work,
                env=self._environment,
                input=answer,
                text=True,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=300,
            )
        printed = output.read_text(errors="replace")
        print(f"--- {block}\n{printed}", flush=True)
        assert done.returncode == 0, f"it ended with {done.returncode}:\n{block}\n{printed}"
        pairs = (pair.partition("=") for pair in kept.read_text().split("\0") if pair)
        self._environment = {name: value for name, _, value in pairs if name not in {"PWD", "OLDPWD", "SHLVL", "_"}}
        return printed


def layer(directory: Path) -> None:
    """Let all that is written to the system's directories be gone with this namespace."""
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "layers", directory], check=True)
    for number, name in enumerate(_LAYERED):
        upper, work = directory / f"upper-{number}", directory / f"work-{number}"
        upper.mkdir()
        work.mkdir()
        options = f"lowerdir={name},upperdir={upper},workdir={work}"
        subprocess.run(["mount", "-t", "overlay", "layer", "-o", options, name], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "run", "/run"], check=True)
    subprocess.run(["install", "-d", "-o", "mosquitto", "/run/mosquitto"], check=True)
    for left in (*Path("/etc/mosquitto/conf.d").glob("*.conf"), *Path("/etc/nginx/sites-enabled").iterdir()):
        left.unlink()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def main(directory: Path) -> None:
    """Read the page and do what it says. Raises AssertionError at the first thing that does not come true."""
    layer(directory / "layers")
    reader = Reader(directory)
    province, login, trust, key, kiosk, press, outputs = blocks(GUIDE.read_text())
    reader.types(province)
    reader.types(login, answer=f"{PASSWORD}\n")
    reader.types(trust)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        environment: dict[str, str | float | bool] = {**os.environ, "HOME": str(reader.home)}
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments, env=environment)
        try:
            tab = chromium.new_page()
            begin(tab, reader.home / "Downloads")
            reader.types(key)
            reader.types(kiosk)
            tab.keyboard.press("3")
            expect(tab.get_by_text("kiosk-simulated").first).to_be_visible(timeout=30_000)
            reader.types(press)
            answer(tab)
        except BaseException:
            for log in (*Path("/var/log/nginx").glob("*.log"), *Path("/var/log/mosquitto").glob("*.log")):
                print(f"--- {log}\n{log.read_text(errors='replace')[-3000:]}")
            raise
        finally:
            chromium.close()
    printed = reader.types(outputs)
    assert json.loads(printed)["green"] == "on"


def begin(tab: Page, downloads: Path) -> None:
    """Step 4, up to the administrator's part."""
    tab.goto("https://localhost/")
    tab.keyboard.press("5")
    tab.fill("input[name=login]", OPERATOR)
    tab.fill("input[name=password]", PASSWORD)
    tab.fill("input[name=by]", "Thandi M")
    tab.get_by_role("button", name="Begin the shift").click()
    expect(tab.locator(".watch.on")).to_have_text(re.compile("Thandi M watches"), timeout=30_000)
    with tab.expect_download() as saving:
        tab.get_by_role("button", name="Save as a file").click()
    saving.value.save_as(downloads / saving.value.suggested_filename)


def answer(tab: Page) -> None:
    """The end of step 5."""
    tab.keyboard.press("1")
    expect(tab.get_by_text("Exercise: send nobody").first).to_be_visible(timeout=30_000)
    tab.keyboard.press("j")
    tab.keyboard.press("Enter")
    tab.keyboard.press("r")
    expect(tab.get_by_text("You have it: the kiosk says so.")).to_be_visible(timeout=30_000)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
