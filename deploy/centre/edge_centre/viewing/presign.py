"""URLs that let whoever has one put or get one object of a store of S3's kind: AWS Signature Version 4 in the query."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal
from urllib.parse import quote, urlencode, urlsplit

LONGEST_S = 7 * 24 * 3600
"""The longest life that the signature allows."""
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class StoreKey:
    """Whose right is lent."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    """Of a session, where the key has one."""
    region: str = "us-east-1"


def presigned(
    method: Literal["GET", "PUT"],
    url: str,
    key: StoreKey,
    expires_s: int,
    now: datetime,
    headers: Mapping[str, str] | None = None,
) -> str:
    """Return a URL for the object at `url` (no query), good for `expires_s` from now: with the bucket in the path or in
    the host's name. It is good only with these `headers` (lower case), each with its value. Raises ValueError."""
    if not 0 < expires_s <= LONGEST_S:
        raise ValueError(f"a URL lives from 1 s to {LONGEST_S} s")
    parts = urlsplit(url)
    moment = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    scope = f"{moment[:8]}/{key.region}/s3/aws4_request"
    # As the header `Host` will say: without the port that goes without saying.
    port = parts.port if parts.port != _PORTS.get(parts.scheme) else None
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    host = name if port is None else f"{name}:{port}"
    signed = dict(sorted({**(headers or {}), "host": host}.items()))
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{key.id}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(expires_s),
        **({"X-Amz-Security-Token": key.token} if key.token else {}),
        "X-Amz-SignedHeaders": ";".join(signed),
    }
    path, asked = quote(parts.path or "/", safe="/-_.~%"), urlencode(query, quote_via=quote, safe="-_.~")
    lines = "".join(f"{each}:{value}\n" for each, value in signed.items())
    request = f"{method}\n{path}\n{asked}\n{lines}\n{';'.join(signed)}\nUNSIGNED-PAYLOAD"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
    signing = f"AWS4{key.secret}".encode()
    for each in scope.split("/"):
        signing = hmac.digest(signing, each.encode(), "sha256")
    signature = hmac.digest(signing, to_sign.encode(), "sha256").hex()
    return f"{parts.scheme}://{host}{path}?{asked}&X-Amz-Signature={signature}"
