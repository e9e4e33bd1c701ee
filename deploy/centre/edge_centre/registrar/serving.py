"""The registrar put together from its configuration, and its HTTP server on a Unix socket."""

import logging
import os
import shutil
import socket
import sqlite3
from contextlib import suppress
from pathlib import Path

from cryptography import x509

from agent.trust.jose_keys import KeyRing
from edge_centre.authority import Authority
from edge_centre.registrar.bearer import Bearers
from edge_centre.registrar.config import ConfigError, RegistrarConfig
from edge_centre.registrar.limits import BoundedLog, Limits
from edge_centre.registrar.records import Records
from edge_centre.registrar.store import Store

_MOST_AT_ONCE = 200


def open_records(config: RegistrarConfig) -> Records:
    """Open the authority and the database. Raises AuthorityError, ConfigError."""
    issuing = Authority.read(config.issuing_certificate, config.issuing_key)
    pages = Authority.read(config.page_certificate, config.page_key)
    try:
        return Records(config, issuing, pages, Store(config.database))
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"{config.database}: can't be opened: {error}") from error


def read_root(path: Path) -> x509.Certificate:
    """Read a root's certificate. Raises ConfigError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not a certificate in PEM form") from error


def serve(config: RegistrarConfig) -> None:
    """Answer on the socket until a signal ends it. Raises what says why it can't begin."""
    try:
        import uvicorn  # noqa: PLC0415 - of the extra `registrar`, which only the serving host needs

        from edge_centre.registrar.app import Web, make_app  # noqa: PLC0415 - as above
    except ImportError as error:
        raise ConfigError(
            f"{error.name} can't be imported: a registrar's host needs it, `pip install starlette uvicorn`"
        ) from error
    records = open_records(config)
    issuing = read_root(config.issuing_certificate)
    authorities = [read_root(config.server_root), read_root(config.device_root), issuing]
    of_pages = [read_root(config.page_root), read_root(config.page_certificate)]
    bearers = Bearers(KeyRing.load(config.command_keys), config.province)
    app = make_app(Web(records, bearers, authorities, of_pages, Limits()))
    logging.basicConfig(handlers=[BoundedLog()], level=logging.WARNING)
    with listener(config.socket, config.socket_group) as listening:
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,  # all of its lines go where ours go
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=_MOST_AT_ONCE,
                timeout_graceful_shutdown=5,
            )
        )
        server.run([listening])


def listener(path: Path, group: str | None) -> socket.socket:
    """Return a listening Unix socket that nobody but its owner and `group` can open. Raises ConfigError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        path.unlink()
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
        if group is not None:
            shutil.chown(path, group=group)
            path.chmod(0o660)
    except (OSError, LookupError) as error:
        listening.close()
        raise ConfigError(f"{path}: can't be made for the group {group}: {error}") from error
    finally:
        os.umask(before)
    listening.listen(128)
    return listening
