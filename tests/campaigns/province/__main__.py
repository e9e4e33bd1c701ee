"""`python -m tests.campaigns.province`: a site and two devices from nothing, by the guide alone."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from agent.models.cache import cache_directory
from deploy.package.__main__ import build
from deploy.package.target import TARGETS
from tests.campaigns import measured
from tests.campaigns.bench import machine
from tests.campaigns.province import report
from tests.campaigns.province.hosts import SYSTEM
from tests.campaigns.province.play import played
from tests.campaigns.province.reader import GUIDE, ROOT, WentWrongError
from tests.support import debian

_EXAMPLE = """\
Examples:
  make province                        play it; about eight minutes, and one more the first time
  make province PROVINCE=--write       and write the table in docs/how-to/start-a-province.md
  make province PROVINCE=--short       leave out the steps of the walk that are mostly waiting: five minutes less
  make province PROVINCE=--keep        leave what it has made, for a look
"""
_INSIDE = "EDGE_AGENT_PLAY"
# The network of the machine stays at hand, for what the guide fetches; all else is in one without an exit.
_ENTER = """\
mount --bind /proc/self/ns/net "$0/internet" && exec unshare --net "$@"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Play it; 0 when all that the guide says came true, within its limits."""
    args = _parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that machines are switched off, and disks are removed
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it, and so would terminals
    if lacking := _missing():
        print(f"{'SKIPPED: ' if args.if_possible else ''}{lacking}")
        return 0 if args.if_possible else 1
    if _INSIDE not in os.environ:
        return _in_namespaces(list(arguments if arguments is not None else sys.argv[1:]), args.keep)
    directory = Path(os.environ[_INSIDE])
    began_s = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began_s:5.0f} s  {text}", flush=True)

    [deb] = directory.glob("package/*.deb")
    try:
        parts = played(directory, deb, ("nsenter", f"--net={directory}/internet"), say, is_short=args.short)
    except (WentWrongError, AssertionError, OSError) as error:
        say(f"FAILED {error}")
        return 1
    table = report.table(parts)
    print(table)
    if too_much := report.too_much(parts):
        say(f"FAILED {too_much}")
        return 1
    if args.write:
        line = measured.machine_line(machine.describe(), seconds=time.monotonic() - began_s)
        measured.put(report.PLACE, f"{table}\n\n{line}", GUIDE)
    say("everything came true")
    return 0


def _missing() -> str:
    """What this machine lacks."""
    if os.geteuid() != 0:
        return "a province is played in containers, which need root: sudo make province"
    for program in ("systemd-nspawn", "nsenter", "ip", "git", "node", "npm", "ssh", "setsid"):
        if shutil.which(program) is None:
            return f"no {program} on this machine: make setup-dev, and sudo apt-get install openssh-client iproute2 git"
    if lacking := debian.missing():
        return lacking
    enter = ["unshare", "--net", "ip", "link", "add", "office", "type", "bridge"]
    done = subprocess.run(enter, check=False, capture_output=True, text=True)
    return f"no network of its own can be made here: {done.stderr.strip()}" if done.returncode else ""


def _in_namespaces(arguments: list[str], keep: bool) -> int:
    directory = Path(tempfile.mkdtemp(prefix="edge-agent-province-"))
    (directory / "internet").touch()
    print("the agent's package for a PC, in place of a Pi's, and a Debian (made once a machine)", flush=True)
    [target] = [each for each in TARGETS.values() if each.arch == "amd64" and each.release == debian.RELEASE]
    build(target, directory / "package", "none")
    debian.archive(*SYSTEM)
    again = [sys.executable, "-m", "tests.campaigns.province", *arguments]
    command = ["unshare", "--fork", "--pid", "--kill-child", "--mount", "--mount-proc", "sh", "-c", _ENTER, directory]
    cache = str(cache_directory().parent)
    environ = {**os.environ, _INSIDE: str(directory), "XDG_CACHE_HOME": cache}
    process = subprocess.Popen([*map(str, command), *again], cwd=ROOT, env=environ)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return 130
    finally:
        if process.poll() is None:
            process.kill()  # and with it, at once, all that runs in these namespaces; unshare hears nothing else
            process.wait()
        if keep:
            print(f"kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make province",
        description="Play docs/how-to/start-a-province.md from a clean clone to a press that is heard: a script types "
        "the commands of the page, and nothing else, against containers with Debian and ssh. It counts commands, files "
        "edited by hand, and minutes. Then it tries what the kit promises beyond the page.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--write", action="store_true", help="write the table of the page")
    form.add_argument("--short", action="store_true", help="leave out the steps of the walk that are mostly waiting")
    parser.add_argument("--keep", action="store_true", help="leave clone and logs where they are")
    parser.add_argument("--if-possible", action="store_true", help="where something is missing, say so and end well")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
