"""Uploads to a store of S3's kind that others wrote, with URLs that we have signed."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from agent.core.delivery.upload_link import Put
from agent.upload.put import put
from edge_centre.viewing.presign import StoreKey, presigned
from edge_centre.viewing.refusal import RefusalError
from edge_centre.viewing.store import Store
from tests.upload.test_put import MEDIA, Freely

pytestmark = pytest.mark.recording

KEY = StoreKey("AKID", "secret", region="af-south-1")
NAME = "gp/jhb-park-station/kiosk-0042/front/2026-11-27/22/59-58.123Z.1.mp4"
OTHER = NAME.replace(".1.", ".2.")


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(scope="module")
def s3(store: str) -> Any:
    client = boto3.client(
        "s3", endpoint_url=store, aws_access_key_id=KEY.id, aws_secret_access_key=KEY.secret, region_name=KEY.region
    )
    client.create_bucket(Bucket="evidence", CreateBucketConfiguration={"LocationConstraint": KEY.region})
    return client


def test_the_bucket_may_be_in_the_hosts_name(
    store: str, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = socket.getaddrinfo
    # Not every resolver knows names below localhost.
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **most: known("127.0.0.1", *more, **most))
    media = tmp_path / "a.mp4"
    media.write_bytes(MEDIA)
    own = store.replace("127.0.0.1", "evidence.localhost")
    done = put(Put(1, str(media), presigned("PUT", f"{own}/{OTHER}", KEY, 900, datetime.now(UTC))), Freely())
    assert (done.status, done.is_ours) == (200, True)
    assert s3.get_object(Bucket="evidence", Key=OTHER)["Body"].read() == MEDIA


def test_a_segment_is_an_object_of_its_name_and_its_checksum_is_ours(store: str, s3: Any, tmp_path: Path) -> None:
    media = tmp_path / "a.mp4"
    media.write_bytes(MEDIA)
    headers = {"content-length": str(len(MEDIA)), "if-none-match": "*"}
    url = presigned("PUT", f"{store}/evidence/{NAME}", KEY, 900, datetime.now(UTC), headers)
    done = put(Put(1, str(media), url), Freely())
    assert (done.status, done.is_ours, done.sent) == (200, True, len(MEDIA))
    found = s3.get_object(Bucket="evidence", Key=NAME)
    assert (found["Body"].read(), found["ContentType"]) == (MEDIA, "video/mp4")
    again = put(Put(2, str(media), url), Freely())
    assert (again.status, again.is_there) == (412, True), "an answer that was lost: it is there, and stays as it is"
    media.write_bytes(bytes(len(MEDIA)))
    assert put(Put(2, str(media), url), Freely()).status == 412
    assert s3.get_object(Bucket="evidence", Key=NAME)["Body"].read() == MEDIA
    assert s3.list_objects_v2(Bucket="evidence", Prefix=NAME)["KeyCount"] == 1
    assert put(Put(3, str(media), url.replace("/evidence/", "/other/")), Freely()).detail == "HTTP 404 NoSuchBucket"
    with Store(f"{store}/evidence", KEY).opened() as reading:
        assert reading.get(NAME) == MEDIA, "and the office reads it"
        with pytest.raises(RefusalError, match="not at the store"):
            reading.get(f"{NAME}.other")
