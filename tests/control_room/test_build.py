"""What `make control-room` builds."""

import gzip
import json
import re
from pathlib import Path

from deploy.lab.demo_page import POLICY

ROOM = Path(__file__).parents[2] / "deploy" / "control-room"
LARGEST_KB = 275
"""Two seconds of a 1 Mbit/s line. The lists of events brought it to 251."""


def test_all_that_a_page_loads_is_small(built_page: Path) -> None:
    files = [path for path in built_page.rglob("*") if path.is_file()]
    assert {"index.html", "page.js", "worker.js"} <= {path.name for path in files}
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) <= LARGEST_KB * 1000


def test_what_is_installed_is_what_it_was_and_comes_from_the_registry_of_whoever_builds() -> None:
    packages = json.loads((ROOM / "package-lock.json").read_text())["packages"]
    installed = [package for name, package in packages.items() if name]
    assert all(package["integrity"].startswith("sha512-") for package in installed)
    assert not any("resolved" in package for package in installed)


def test_the_demo_and_the_trial_serve_the_page_under_the_policy_of_the_shipped_server() -> None:
    shipped = re.search(r'Content-Security-Policy "([^"]*)"', (ROOM / "serve/nginx.conf").read_text())
    assert shipped is not None
    assert "serve/nginx.conf" in (ROOM / "dev/serve.mjs").read_text(), "it reads the policy from there"
    assert _but_brokers(POLICY) == _but_brokers(shipped[1])


def _but_brokers(policy: str) -> list[str]:
    return re.sub(r"connect-src 'self' [^;]*", "connect-src 'self'", policy).split("; ")
