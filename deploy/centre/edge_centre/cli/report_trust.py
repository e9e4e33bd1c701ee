"""What a report is checked against: files named one by one, or those that the kit made for a province."""

import argparse
from pathlib import Path

from agent.contract.errors import UsageError
from agent.trust.commissioning_report import LARGEST_BYTES, Trust
from agent.trust.jose_keys import KeyRing
from agent.trust.openssl import describe

_FOLDER = Path("provinces")
"""Where `deploy/province` makes them."""
_ISSUING, _ROOT, _KEYS = "pki/issuing.pem", "pki/device-root.pem", "keys/keys.json"


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add the options that say whom to believe."""
    text = (
        "use the authorities and key set in provinces/CODE, made by `deploy/province new`; a value with a slash"
        " is the folder itself"
    )
    parser.add_argument("--province", metavar="CODE", help=text)
    text = "certificates of the device authorities (PEM); the root is enough if the report includes the others"
    parser.add_argument("--device-ca", type=Path, metavar="FILE", help=text)
    text = "key set of the people who may commission today; a key that was taken out is revoked"
    parser.add_argument("--keys", type=Path, metavar="FILE", help=text)
    text = "list of revoked devices (PEM), as brokers have it"
    parser.add_argument("--revoked", type=Path, metavar="FILE", help=text)


def is_trust_given(args: argparse.Namespace) -> bool:
    """Whether the command line names enough to check a report."""
    return bool(args.province or (args.device_ca and args.keys))


def trust_of(args: argparse.Namespace) -> Trust:
    """Read what the options name; a named file takes precedence over the province's. Raises UsageError, SettingsError,
    OpensslError."""
    if not is_trust_given(args):
        raise UsageError(
            "nothing to check against: give --province CODE, or both --device-ca FILE (of devices) and --keys FILE"
        )
    if args.province is None:
        return Trust(_certificates(args.device_ca), KeyRing.load(args.keys), _list(args.revoked))
    folder = Path(args.province) if "/" in args.province else _FOLDER / args.province
    try:
        is_there = folder.is_dir()
    except PermissionError as error:
        raise UsageError(
            f"{folder}: permission denied: run this as the user who made the province, or give --device-ca and --keys"
        ) from error
    if not is_there:
        raise UsageError(
            f"there is no {folder} here: run this in the directory where you ran `deploy/province new`, or name the "
            "folder, --province /PATH/TO/CODE"
        )
    if args.device_ca:
        authorities, first = _certificates(args.device_ca), ""
    else:
        issuing = _of_the_kit(folder, _ISSUING)
        authorities, first = issuing + _of_the_kit(folder, _ROOT), _first_list(folder, issuing)
    keys = args.keys
    if keys is None:
        _of_the_kit(folder, _KEYS)
        keys = folder / _KEYS
    return Trust(authorities, KeyRing.load(keys), _list(args.revoked) or first)


def content(path: Path) -> bytes:
    """Return a file's content, but not much more than a report may have. Raises UsageError."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {(error.strerror or str(error)).lower()}") from error


def _of_the_kit(folder: Path, name: str) -> str:
    try:
        return _text(folder / name)
    except UsageError as error:
        raise UsageError(
            f"{error}. Run `deploy/province new {folder.name}`, which makes what is missing, or take this file from a "
            "copy of the folder"
        ) from error


def _first_list(folder: Path, issuing: str) -> str:
    """Return the brokers' first revocation list. Nobody is on it, but with it an issuing authority that was replaced,
    as after a theft, is no longer trusted, though its root is the same. Empty if an older kit made none."""
    path = folder / f"pki/device-{describe(issuing).serial[:16]}.crl"
    return _text(path) if path.exists() else ""


def _certificates(path: Path) -> str:
    text = _text(path)
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise UsageError(f"{path}: holds no certificate in PEM form: give the province's pki/device-root.pem")
    return text


def _list(path: Path | None) -> str:
    if path is None:
        return ""
    text = _text(path)
    if "-----BEGIN X509 CRL-----" not in text:
        raise UsageError(
            f"{path}: holds no list of revoked devices in PEM form: give the brokers' "
            "/etc/mosquitto/edge-agent/device-ca.crl"
        )
    return text


def _text(path: Path) -> str:
    return content(path).decode("ascii", "replace")
