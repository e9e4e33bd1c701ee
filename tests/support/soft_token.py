"""A PKCS#11 token in software (SoftHSM), with the configuration that a device has."""

import os
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
URI = "pkcs11:token=edge;object=device"
_MODULE = "/usr/lib/softhsm/libsofthsm2.so"


def make_token(directory: Path) -> dict[str, str]:
    """Make an empty token; return the environment in which OpenSSL finds it."""
    if not list(Path("/usr/lib").glob("*/ossl-modules/pkcs11.so")):
        pytest.skip("no pkcs11-provider: on Debian 13 run `make est-tools`")
    (directory / "tokens").mkdir(parents=True)
    (directory / "softhsm.conf").write_text(f"directories.tokendir = {directory}/tokens\nobjectstore.backend = file\n")
    (directory / "pin").write_text("1234")
    text = (REPOSITORY / "deploy/openssl/openssl-pkcs11.cnf").read_text()
    for pattern, ours in (
        (r"^#pkcs11-module-path.*$", f"pkcs11-module-path = {_MODULE}"),
        (r"file:/etc/edge-agent/pkcs11-pin", f"file:{directory}/pin"),
    ):
        text, count = re.subn(pattern, ours, text, flags=re.MULTILINE)
        assert count == 1, f"deploy's configuration has no {pattern}"
    (directory / "openssl.cnf").write_text(text)
    environ = {"SOFTHSM2_CONF": str(directory / "softhsm.conf")}
    words = ["softhsm2-util", "--init-token", "--free", "--label", "edge", "--pin", "1234", "--so-pin", "4321"]
    subprocess.run(words, env={**os.environ, **environ}, check=True, capture_output=True, timeout=60)
    return {**environ, "OPENSSL_CONF": str(directory / "openssl.cnf")}
