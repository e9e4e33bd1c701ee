"""Runs each command that root runs beside an attacker who has the rights of the service's user, and so the state
directory.

The attacker exchanges what lies there, in a tight loop, for links to root's files, FIFOs and files without an end.
Prints a line of JSON for each command: how often it was run, how it ended, and by which attack something of root's was
touched, a run hung, failed with a traceback or took too much memory. Needs root. Bounded: each run has 70 s.
"""

import argparse
import ctypes
import hashlib
import json
import os
import resource
import select
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from agent.__main__ import main as edge_agent
from agent.adapters.system_clock import SystemClock
from agent.contract.vocabulary import TimeQuality
from agent.trust.jose_keys import PrivateKey
from tests.cli.test_enrol import SETTINGS
from tests.support.drafts import open_outbox, security, write
from tests.support.fake_registrar import FakeRegistrar, Handler
from tests.support.sim_clock import SimClock
from tests.support.wait import wait_for

UID, GID = 47_123, 65_534
"""Of nobody on this machine, and the group that root takes with the rights of such a user."""
LIMIT_S = 70.0
"""Above the longest limit of a command's own."""
MOST_BYTES = 400 << 20
SECRET = "of-root-and-of-nobody-else"
_HUGE = 1 << 40


class Ground:
    """Root's settings, root's other files, and the state directory, which is the user's."""

    def __init__(self, base: Path, registrar: FakeRegistrar) -> None:
        base.chmod(0o755)
        self.base, self.etc, self.state, self.victims = (base / name for name in ("", "etc", "state", "victims"))
        self._enrolled = base / "enrolled"
        self.registrar = registrar
        self.etc.mkdir(mode=0o755)
        self.make_victims()
        self.config = self.etc / "edge-agent.toml"
        self.claim = base / "claim"
        self.claim.write_text(registrar.claim(board=None).text())
        self._fresh_state()
        outbox = open_outbox(self.state, SimClock())
        outbox.put(security())
        write(outbox)
        outbox.close()
        _owned(self.state)
        if self.run("enrol", "--claim-file", str(self.claim)) != 0:
            raise RuntimeError("the device could not be enrolled")
        _owned(self.state)
        shutil.copytree(self.state, self._enrolled, symlinks=True)
        self._etc = {path: path.read_bytes() for path in self.etc.rglob("*") if path.is_file()}

    def reset(self) -> None:
        """Have everything as after an enrolment."""
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.rmtree(self.etc)
        for path, content in self._etc.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        shutil.copytree(self._enrolled, self.state, symlinks=True)
        self.registrar.keys.clear()
        _owned(self.state)

    def make_victims(self) -> None:
        """Have root's other files as they were at first."""
        shutil.rmtree(self.victims, ignore_errors=True)
        self.victims.mkdir(mode=0o700)
        mark = json.dumps({"name": "a/b/c", "files": [str(self.victims / "shadow")]})
        for name in ("shadow", "mark.json", "ca.pem", "device.key", "page.pem"):
            (self.victims / name).write_text(mark if name == "mark.json" else SECRET)
            (self.victims / name).chmod(0o600)

    def _fresh_state(self) -> None:
        self.state.mkdir(mode=0o755)
        keys = self.etc / "command-keys.json"
        self.config.write_text(SETTINGS.format(state=self.state, keys=keys))

    def run(self, *words: str) -> int:
        return edge_agent(
            [words[0], *([] if words[0] == "check-config" else ["--config"]), str(self.config), *words[1:]]
        )

    def look(self) -> Mapping[str, Any]:
        """What is true of root's other files."""
        seen = {}
        for path in (self.victims, *sorted(self.victims.rglob("*"))):
            about = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            its = (about.st_mode, about.st_uid, about.st_gid, about.st_nlink)
            seen[str(path)] = (*its, hashlib.sha256(content).hexdigest())
        return seen

    def leaked(self) -> list[str]:
        """What the user can read now that was root's."""
        found = []
        for directory, _, names in os.walk(self.state):
            for name in names:
                path = Path(directory, name)
                about = path.lstat()
                if stat.S_ISREG(about.st_mode) and about.st_size < 1 << 20 and SECRET.encode() in path.read_bytes():
                    found.append(name)
        return found


def _owned(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        os.chown(path, UID, GID, follow_symlinks=False)


def names_in(directory: Path) -> set[str]:
    with os.scandir(directory) as found:
        return {each.name for each in found}


# What the attacker does, over and over, with a directory of his own.


def _replaced(path: Path, by: Callable[[Path], object]) -> None:
    """Put something in the place of a name, whatever it was."""
    new = path.with_name(f".swap-{os.urandom(4).hex()}")
    with suppress(OSError):
        by(new)
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.rename(path.with_name(f".was-{os.urandom(4).hex()}"))
        new.rename(path)


def new_files_become_links(ground: Ground) -> None:
    """Whatever appears under a name that was not there becomes a link to a file of root's."""
    known = names_in(ground.state)
    target = ground.victims / "shadow"
    while True:
        for name in names_in(ground.state):
            if name not in known:
                path = ground.state / name
                with suppress(OSError):
                    path.unlink()
                with suppress(OSError):
                    path.symlink_to(target)
        credentials = ground.state / "credentials"
        with suppress(OSError):
            for name in names_in(credentials):
                if name.endswith(".new"):
                    (credentials / name).unlink()
                    (credentials / name).symlink_to(target)


def credentials_become_a_link(ground: Ground) -> None:
    """The directory of the credentials is a link to one of root's, and again itself, in turns."""
    path, kept = ground.state / "credentials", ground.state / ".kept"
    while True:
        with suppress(OSError):
            path.rename(kept)
        with suppress(OSError):
            path.symlink_to(ground.victims)
        with suppress(OSError):
            path.unlink()
        with suppress(OSError):
            kept.rename(path)


def credentials_stay_a_link(ground: Ground) -> None:
    """The same for good."""
    while True:
        _replaced(ground.state / "credentials", partial(os.symlink, ground.victims))
        time.sleep(0.001)


def sets_become_links(ground: Ground) -> None:
    """The sets, and what names the one in use, lead to root's files."""
    credentials = ground.state / "credentials"
    while True:
        with suppress(OSError):
            for name in names_in(credentials):
                path = credentials / name
                if name.startswith("set-") and not path.is_symlink():
                    _replaced(path, partial(os.symlink, ground.victims))
                elif name in {"current", "next", "renewing"}:
                    _replaced(path, partial(os.symlink, f"../../{ground.victims.name}"))


def a_mark_of_its_own(ground: Ground) -> None:
    """The mark of a decommissioning leads to the environment of a process that is not dumpable, which is root's file by
    its owner, and chooses what is erased."""
    mark = {"name": "a/b=/c", "files": [str(ground.victims / "shadow")]}
    name, _, value = json.dumps(mark).partition("=")
    pid = os.fork()
    if pid == 0:
        os.execve("/usr/bin/python3", ["python3", "-c", _NOT_DUMPABLE], {name: value})
    while True:
        for target in (f"/proc/{pid}/environ", ground.victims / "mark.json"):
            _replaced(ground.state / "decommissioning.json", partial(os.symlink, target))
            _replaced(ground.state / "snapshots", partial(os.symlink, ground.victims))
            time.sleep(0.002)


_NOT_DUMPABLE = """
import ctypes, time
libc = ctypes.CDLL(None)
first = ctypes.cast(ctypes.c_void_p.in_dll(libc, "environ").value, ctypes.POINTER(ctypes.c_void_p))[0]
ctypes.memset(first + len(ctypes.string_at(first)), 32, 1)
libc.prctl(4, 0, 0, 0, 0)
time.sleep(60)
"""


def an_agent_of_its_own(ground: Ground) -> None:
    """A process holds the lock as the agent does, and answers at a tap of its own without an end."""
    runtime = ground.state / "run"
    runtime.mkdir(exist_ok=True)
    environment = {"RUNTIME_DIRECTORY": str(runtime)}
    os.execve("/usr/bin/python3", ["python3", "-c", _FLOODS, str(ground.state / "agent.lock")], environment)


_FLOODS = """
import fcntl, os, socket, sys
lock = open(sys.argv[1])
fcntl.flock(lock, fcntl.LOCK_EX)
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(os.environ["RUNTIME_DIRECTORY"] + "/tap.sock")
    listener.listen()
    while True:
        peer, _ = listener.accept()
        try:
            peer.sendall(b"[]\\n{]\\n")
            while True:
                peer.sendall(b"x" * 65536)
        except OSError:
            pass
"""


def fifos(ground: Ground) -> None:
    """Files are FIFOs, whose opening waits for ever."""
    while True:
        _each_becomes(ground, os.mkfifo)


def endless_files(ground: Ground) -> None:
    """Files have a terabyte of zeros."""

    def endless(new: Path) -> None:
        with new.open("wb") as file:
            os.truncate(file.fileno(), _HUGE)

    while True:
        _each_becomes(ground, endless)


def _each_becomes(ground: Ground, what: Callable[[Path], object]) -> None:
    for name in ("from-afar.json", "agent.lock", "alarms.db", "decommissioning.json", "service-code.json"):
        _replaced(ground.state / name, what)
    for name in ("binding.json", "device.pem", "device.key", "ca.pem", "request.json"):
        _replaced(ground.state / "credentials" / "current" / name, what)
    time.sleep(0.002)


ATTACKS: tuple[Callable[[Ground], None], ...] = (
    new_files_become_links,
    credentials_become_a_link,
    credentials_stay_a_link,
    sets_become_links,
    a_mark_of_its_own,
    an_agent_of_its_own,
    fifos,
    endless_files,
)


@contextmanager
def attacker(ground: Ground, attack: Callable[[Ground], None]) -> Iterator[None]:
    """Run an attack with the rights of the service's user, in processes of its own, until the end of the block."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        os.setgroups([])
        os.setresgid(GID, GID, GID)
        os.setresuid(UID, UID, UID)
        _silence()
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        os.write(writer, b"x")
        try:
            attack(ground)
        finally:
            os._exit(1)
    try:
        os.read(reader, 1)
        if attack is an_agent_of_its_own:
            wait_for((ground.state / "run/tap.sock").exists, timeout_s=10)
        yield
    finally:
        os.close(reader)
        os.close(writer)
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _silence() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)


def ended(ground: Ground, words: tuple[str, ...]) -> str:
    """Run a command in a process of its own; return how it ended."""
    reader, writer = os.pipe()  # somebody at the keyboard, who types nothing
    pid = os.fork()
    if pid == 0:
        _silence()
        os.dup2(reader, 0)
        code = 99
        try:
            code = ground.run(*words)
        except SystemExit as error:
            code = int(error.code or 0)
        finally:
            os._exit(code)
    handle = os.pidfd_open(pid)
    in_time = bool(select.select([handle], [], [], LIMIT_S)[0])
    os.close(handle)
    if not in_time:
        os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    os.close(reader)
    os.close(writer)
    if not in_time:
        return "hung"
    if used.ru_maxrss * 1024 > MOST_BYTES:
        return "too much memory"
    code = os.waitstatus_to_exitcode(status)
    return "traceback" if code == 99 else f"code {code}"


def _only(*checks: str) -> tuple[str, ...]:
    return tuple(word for check in checks for word in ("--only", check))


COMMANDS: Mapping[str, tuple[str, ...]] = {
    "config-reset": ("config-reset",),
    "check-config": ("check-config",),
    "decommission": ("decommission", "--yes", "--without-registrar"),
    "decommission-revoking": ("decommission", "--yes"),
    "enrol": ("enrol", "--again", "--claim-file", "CLAIM"),
    "renew": ("renew", "--now"),
    "doctor": ("doctor", "--limit", "5", *_only("settings", "agent", "disk", "certificate")),
    "commission": ("commission", "--key", "KEY"),
    "sim": ("sim", "outputs"),
}


def campaign(tries: int, only: list[str]) -> Iterator[dict[str, Any]]:
    """Try each command; yield what was seen."""
    base = Path(tempfile.mkdtemp(prefix="edge-agent-hostile-"))
    SystemClock.quality = lambda _: TimeQuality.SYNCED  # type: ignore[method-assign,assignment]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with FakeRegistrar(base / "registrar") as registrar:
            registrar.settings["command_keys"] = {"keys": [PrivateKey.generate("operator").public().as_jwk()]}
            registrar.settings["settings"] = 'mqtt.brokers = ["mqtts://localhost:1"]\n'
            registrar.hook = _revokes
            ground = Ground(base, registrar)
            key = PrivateKey.generate("technician")
            (base / "key.json").write_text(json.dumps(key.as_jwk()))
            before = ground.look()
            for name, words in COMMANDS.items():
                if only and name not in only:
                    continue
                said = tuple(
                    {"CLAIM": str(ground.claim), "KEY": str(base / "key.json")}.get(word, word) for word in words
                )
                touched: Counter[str] = Counter()
                ends: Counter[str] = Counter()
                for number in range(tries):
                    attack = ATTACKS[number % len(ATTACKS)]
                    ground.reset()
                    with attacker(ground, attack):
                        how = ended(ground, said)
                    ends[how] += 1
                    if how in {"hung", "too much memory", "traceback"}:
                        touched[f"{how}: {attack.__name__}"] += 1
                    if ground.look() != before or ground.leaked():
                        touched[attack.__name__] += 1
                        ground.make_victims()
                        before = ground.look()
                ground.reset()
                alone = ended(ground, said)
                yield {"command": name, "tries": tries, "ends": dict(ends), "alone": alone, "harmed": dict(touched)}
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _revokes(exchange: Handler) -> bool:
    if exchange.path != "/registrar/decommission":
        return False
    exchange.answer(200, b"It is decommissioned.\n")
    return True


def main() -> int:
    """Print what was seen; 1 if anything of root's was touched, or a command hung."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=1000, help="of each command (default: 1000)")
    parser.add_argument("--only", action="append", default=[], choices=[*COMMANDS], help="this command alone")
    args = parser.parse_args()
    harmed = False
    for seen in campaign(args.tries, args.only):
        print(json.dumps(seen), flush=True)
        harmed |= bool(seen["harmed"])
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
