"""URLs that a store of S3's kind takes, as AWS's own library makes them."""

from datetime import UTC, datetime
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from edge_centre.viewing.presign import LONGEST_S, StoreKey, presigned

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize("token", [None, "a/session+token=="])
@pytest.mark.parametrize(
    "url",
    [
        "https://store.example/evidence/gp/park/kiosk-1/front/2026-11-27/22/59-58.123Z.1.mp4",
        "https://store.example:9000/evidence/gp/a%20b/x_end",
        "http://127.0.0.1:5000/bucket/k",
        "https://evidence.store.example/gp/x.mp4",
        "https://Evidence.Store.example:443/gp/x.mp4",
        "http://store.example:80/x.mp4",
        "https://[fd00::7]:9000/evidence/x.mp4",
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_url_is_the_one_that_awss_library_makes(url: str, token: str | None, method: Literal["GET", "PUT"]) -> None:
    auth = S3SigV4QueryAuth(Credentials("AKID", SECRET, token), "s3", "af-south-1", expires=900)
    request = AWSRequest(method, url)
    auth.add_auth(request)
    theirs = urlsplit(request.url)
    moment = parse_qs(theirs.query)["X-Amz-Date"][0]
    now = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    ours = urlsplit(presigned(method, url, StoreKey("AKID", SECRET, token, "af-south-1"), 900, now))
    assert parse_qs(ours.query) == parse_qs(theirs.query)
    assert ours.path == theirs.path
    assert ours.hostname == theirs.hostname


def test_a_url_that_would_live_for_ever_is_not_made() -> None:
    for life_s in (0, LONGEST_S + 1):
        with pytest.raises(ValueError, match="lives"):
            presigned("PUT", "https://store.example/a", StoreKey("AKID", SECRET), life_s, datetime.now(UTC))


def test_a_key_does_not_show_its_secret() -> None:
    assert SECRET not in repr(StoreKey("AKID", SECRET, SECRET))
