"""The code that opens a device's service page: eight digits, and the hash that a device keeps of them.

The hash is text, `scrypt-16384-8-1$SALT$HASH` (both parts in base64url without padding: 16 and 32 bytes). Enrolment
writes that of the claim's code into the state directory, as `FILE`: `{"hash": "scrypt-16384-8-1$..."}`, mode 0600, the
agent's own. There is no such file where the claim had no code. One hash takes 16 MiB for a moment.
"""

import base64
import hashlib
import hmac
import json
import re
import secrets

FILE = "service-code.json"
"""In the state directory."""
_HASH = re.compile(r"scrypt-16384-8-1\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})\Z")


def hashed(code: str) -> str:
    """Return what is kept of a code, with a salt of its own."""
    salt = secrets.token_bytes(16)
    return f"scrypt-16384-8-1${_text(salt)}${_text(_scrypt(code, salt))}"


def matches(code: str, kept: str) -> bool:
    """Return whether `kept` was made from this code. Raises ValueError where it is no such hash."""
    found = _HASH.match(kept)
    if found is None:
        raise ValueError("this is no hash of a service page's code")
    salt, wanted = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in found.groups())
    return hmac.compare_digest(_scrypt(code, salt), wanted)


def written(kept: str) -> bytes:
    """Return the content of `FILE`."""
    return json.dumps({"hash": kept}).encode()


def parse(content: bytes) -> str:
    """Return the hash in the content of `FILE`. Raises ValueError."""
    match json.loads(content):
        case {"hash": str(kept)} if _HASH.match(kept):
            return kept
        case _:
            raise ValueError("this holds no hash of a service page's code")


def _scrypt(code: str, salt: bytes) -> bytes:
    return hashlib.scrypt(code.encode(), salt=salt, n=16384, r=8, p=1, dklen=32)


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
