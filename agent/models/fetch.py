"""Fetches a model from an address that a person names, and accepts only what they asked for."""

import hashlib
import http.client
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit, urlunsplit

from agent.core.camera.model_manifest import ModelManifest, ModelSource
from agent.core.errors import ModelError
from agent.models.store import check_file, install

CHUNK_BYTES = 256 * 1024
LARGEST_BYTES = 500_000_000
TIMEOUT_S = 30

Progress = Callable[[int, int | None], None]
"""Called with the bytes so far, and with the size if the server states it."""


def fetch(url: str, sha256: str, manifest: ModelManifest, directory: Path, progress: Progress) -> Path:
    """Download a model to `directory` and return its path; stores the manifest beside it.

    `manifest` describes the file; `sha256` and the size of the download replace its hash and size. Raises ModelError
    when the address does not answer, or answers with another file; nothing is changed then.
    """
    shown = without_secrets(url)
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ModelError(f"{shown}: give an address that begins with https:// or http://")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory, prefix=".fetch-") as scratch:
            content = Path(scratch) / "model"
            with content.open("wb") as file:
                size, digest = _download(url, file, progress)
            if digest != sha256.lower():
                raise ModelError(
                    f"what came from {shown} has SHA-256 {digest}, not the one that was asked for: "
                    "check both, and do not use the file before they agree"
                )
            source = manifest.source if manifest.source.url or manifest.source.package else ModelSource(url=shown)
            described = manifest.model_copy(update={"sha256": digest, "size_bytes": size, "source": source})
            check_file(described, content)
            return install(described, content, directory)
    except urllib.error.HTTPError as error:
        error.close()
        raise ModelError(f"{shown} answers {error.code} {error.reason}: check the address") from error
    except urllib.error.URLError as error:
        raise ModelError(f"{shown} can't be reached: {error.reason}; check the address and network") from error
    except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise ModelError(f"{shown} broke off the download: try again") from error
    except OSError as error:
        raise ModelError(f"the model can't be kept in {directory}: {error.strerror}") from error


def without_secrets(url: str) -> str:
    """Return the address without user, password, query and fragment, as any of them may hold a secret."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


def _download(url: str, file: BinaryIO, progress: Progress) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:  # noqa: S310 - the scheme was checked
        length = answer.headers.get("Content-Length", "")
        expected = int(length) if length.isdecimal() else None
        while chunk := answer.read(CHUNK_BYTES):
            size += len(chunk)
            if size > LARGEST_BYTES:
                raise ModelError(f"the download is larger than {LARGEST_BYTES:,} bytes, which no model here is")
            digest.update(chunk)
            file.write(chunk)
            progress(size, expected)
    if expected is not None and size != expected:
        raise ModelError(f"the download ended after {size} of {expected} bytes: try again")
    return size, digest.hexdigest()
