"""What a report is checked against: files that are named one by one, or those of a province that the kit has made."""

import argparse
from pathlib import Path

from agent.adapters.jose_keys import KeyRing
from agent.core.errors import UsageError
from agent.provisioning.openssl import describe
from agent.provisioning.report import LARGEST_BYTES, Trust

_FOLDER = Path("provinces")
"""Where `deploy/province` makes them."""
_ISSUING, _ROOT, _KEYS = "pki/issuing.pem", "pki/device-root.pem", "keys/keys.json"


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add the options that say whom to believe."""
    text = (
        "take authorities and key set from the folder that `deploy/province new` has made, provinces/CODE; a word with"
        " a slash is the folder itself"
    )
    parser.add_argument("--province", metavar="CODE", help=text)
    text = "certificates of the authorities of devices (PEM); the root is enough where the report brings the rest along"
    parser.add_argument("--device-ca", type=Path, metavar="FILE", help=text)
    text = "key set with those who may commission today; whoever was taken out of it is revoked"
    parser.add_argument("--keys", type=Path, metavar="FILE", help=text)
    text = "list of revoked devices (PEM), as brokers have it"
    parser.add_argument("--revoked", type=Path, metavar="FILE", help=text)


def is_trust_given(args: argparse.Namespace) -> bool:
    """Whether the command line says enough to check a report."""
    return bool(args.province or (args.device_ca and args.keys))


def trust_of(args: argparse.Namespace) -> Trust:
    """Read what the options name; each file that is given goes before the province's. Raises UsageError, SettingsError,
    OpensslError."""
    if not is_trust_given(args):
        raise UsageError(
            "nobody to believe: give --province CODE, or both --device-ca FILE (authorities of devices) and --keys FILE"
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
            f"there is no {folder} here: run this where `deploy/province new` has made the province, or name its "
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
    """Return what a file has, no more of it than a report may have. Raises UsageError."""
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
    """Return the list that the brokers began with. Nobody is on it, but with it an issuing authority that was replaced,
    as after a theft, vouches for nobody any more, though its root is the same. Empty where an older kit made none."""
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
