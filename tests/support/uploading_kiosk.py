"""A recorded kiosk whose segments go to a store, and the office that says where."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_centre.key_files import private_path
from tests.support.agent_process import REPOSITORY, USER
from tests.support.recorded_kiosk import Site
from tests.support.store import Store
from tests.support.wait import wait_for

BUCKET = "evidence"


class UploadingSite(Site):
    """A site with a store in plain HTTP, which a simulated agent takes."""

    def __init__(self, stack: ExitStack, directory: Path, store: Store, **options: Any) -> None:
        self.store = store
        memory = TemporaryDirectory(dir="/dev/shm")
        self.spool = Path(stack.enter_context(memory), "spool")
        self.keys = directory / "kiosk" / "keys"
        upload = {"hosts": [store.host], "directory": str(self.spool), **options.pop("upload", {})}
        super().__init__(stack, directory, upload=upload, **options)

    def grant(self, stack: ExitStack, *more: str) -> "subprocess.Popen[bytes]":
        """Run `edge-centre evidence grant` as the office does."""
        key = private_path(self.keys, self.kiosk.key)
        command = [
            sys.executable,
            "-m",
            "edge_centre",
            "evidence",
            "grant",
            "--device",
            USER,
            "--broker",
            self.broker.url,
        ]
        command += ["--key", str(key), "--store", f"http://{self.store.host}/{BUCKET}", *more]
        environ = {**os.environ, "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environ)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        return process

    def allow_all(self, seconds: float = 3600) -> None:
        """Give the device one URL for everything, as a store does that signs a prefix."""
        url = f"http://{self.store.host}/{BUCKET}/{{name}}?sig=secret"
        result = self.centre.result(self.order("upload-urls", urls=[{"url": url}], expires=int(time.time() + seconds)))
        assert result["code"] == "ok", result

    def uploaded(self) -> dict[str, dict[str, Any]]:
        """What the centre has heard of, by the object's name."""
        return {m.data["object"]: dict(m.data) for m in self.evidence("uploaded")}

    def at_the_store(self) -> dict[str, bytes]:
        """What the store has, by the object's name."""
        return {path.partition("/front/")[2]: bodies[-1] for path, bodies in self.store.objects.items()}

    def wait_for_end(self, timeout_s: float = 90) -> None:
        """Wait until the store knows that a clip has ended."""
        wait_for(lambda: any(each.endswith("_end") for each in self.store.objects), timeout_s, "the end of the clip")

    def check(self) -> None:
        """Every segment that the centre heard of is at the store, once, and whole."""
        for name, told in self.uploaded().items():
            [path] = [each for each in self.store.objects if each.endswith(name)]
            assert {sha256(body).hexdigest() for body in self.store.objects[path]} == {told["sha256"]}
        # What is told leaves the spool a moment later.
        wait_for(lambda: not list((self.spool / "front").glob("*")), what="an empty spool")
