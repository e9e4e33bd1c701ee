"""What each host of a province gets, derived from the TOML file: brokers, registrar, control room, and Ansible's part.

deploy's own configurations are the source; only names, ports and the province are put into them.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from edge_centre.authority import Kind
from edge_centre.kit.keys import Keys, KitError
from edge_centre.kit.province import Broker, Province
from edge_centre.kit.sources import ROOT
from edge_centre.kit.workshop import Workshop

_MOSQUITTO, _SERVE = ROOT / "deploy/mosquitto", ROOT / "deploy/control-room/serve"
_REGISTRAR = Path(__file__).parents[1] / "registrar/serve"
_CENTRE = "\nuser CN=example-centre\n"


def make(shop: Workshop, province: Province, keys: Keys) -> None:
    """Derive all of it."""
    for number, broker in enumerate(province.brokers):
        _broker(shop, province, broker, keys)
        crl = f"REGISTRAR={province.registrar.url}\nBROKER={number}\nBROKERS={len(province.brokers)}\n"
        shop.derive(f"brokers/{broker.name}/crl.env", crl)
    _registrar(shop, province, keys)
    shop.derive("control-room/control-room.json", control_room(province))


def access(province: Province) -> str:
    """The access list: nobody but this province's centres, and each of them in this province alone."""
    text = (_MOSQUITTO / "edge-agent.acl").read_text(encoding="utf-8")
    text, _, centre = _swapped(text, ("edge/v1/+/+/+/", f"edge/v1/{province.code}/+/+/")).partition(_CENTRE)
    blocks = [(_CENTRE + centre).replace("example-centre", each.id) for each in province.centres]
    return f"# province {province.code}\n{text}" + "".join(blocks)


def control_room(province: Province) -> str:
    """control-room.json, the settings of the operators' page."""
    page = province.control_room.model_dump()
    brokers = [{"name": each.name, "url": f"wss://{_authority(each)}/mqtt"} for each in province.brokers]
    units = [unit for centre in province.centres for unit in centre.units]
    page |= {"centre": province.centres[0].id, "brokers": brokers, "units": units}
    page |= {"registrar": {"url": province.registrar.url, "province": province.code}}
    return json.dumps(page, indent=2) + "\n"


def _broker(shop: Workshop, province: Province, broker: Broker, keys: Keys) -> None:
    folder = f"brokers/{broker.name}"
    conf = (_MOSQUITTO / "edge-agent.conf").read_text(encoding="utf-8")
    lists = ("#crlfile /etc/mosquitto/edge-agent/device-ca.crl", "crlfile /etc/mosquitto/edge-agent/device-ca.crl")
    devices, centres = (f"listener {broker.device_port}\n", f"listener {broker.centre_port}\n")
    shop.derive(
        f"{folder}/edge-agent.conf", _swapped(conf, lists, ("listener 8883\n", devices), ("listener 8884\n", centres))
    )
    web = (_SERVE / "mosquitto.conf").read_text(encoding="utf-8")
    web = _swapped(web, ("listener 9001 ", f"listener {broker.web_port} "))
    shop.derive(f"{folder}/edge-agent-control-room.conf", web)
    shop.derive(f"{folder}/edge-agent.acl", access(province))
    shop.derive(f"{folder}/device-ca.pem", keys.device_chain)
    shop.derive(f"{folder}/centre-ca.pem", keys.root_pem("centre"))
    shop.derive(f"{folder}/first.crl", keys.first_list.read_bytes())
    shop.derive(f"{folder}/nginx.conf", _page(province, broker))


def _page(province: Province, broker: Broker) -> str:
    site = (_SERVE / "nginx.conf").read_text(encoding="utf-8")
    others = [f"wss://{_authority(each)}" for each in province.brokers if each is not broker]
    site = _swapped(
        site,
        ("broker-a.example;", f"{broker.host};"),
        (" wss://broker-b.example https://registrar.example;", f" {' '.join([*others, province.registrar.url])};"),
        ("127.0.0.1:9001;", f"127.0.0.1:{broker.web_port};"),
        ("listen 443 ", f"listen {broker.page_port} "),
        ("listen [::]:443 ", f"listen [::]:{broker.page_port} "),
    )
    return _changed(site)


def _changed(site: str) -> str:
    """A site for nginx without the remarks that say what to change in it."""
    return re.sub(r"\n *# change: .*|(?<=;) # change.*| Change the lines that are marked\..*", "", site)


def _registrar(shop: Workshop, province: Province, keys: Keys) -> None:
    kinds: tuple[Kind, ...] = ("server", "device", "page")
    for kind in kinds:
        shop.derive(f"registrar/{kind}-root.pem", keys.root_pem(kind))
    for path in sorted(_REGISTRAR.glob("*.service")) + sorted(_REGISTRAR.glob("*.timer")):
        shop.derive(f"registrar/{path.name}", path.read_bytes())
    site = (_REGISTRAR / "nginx.conf").read_text(encoding="utf-8")
    port = province.registrar.port
    ports = (("listen 443 ", f"listen {port} "), ("listen [::]:443 ", f"listen [::]:{port} "))
    pages = [f'"https://{_authority(each)}" $http_origin;' for each in province.brokers]
    site = _swapped(
        site,
        ("server_name registrar.example;", f"server_name {province.registrar.host};"),
        ('"https://broker-a.example" $http_origin;', "\n  ".join(pages)),
        *ports,
    )
    shop.derive("registrar/nginx.conf", _changed(site))
    shop.derive("registrar/keys.json", (shop.root / "keys/keys.json").read_bytes())
    lines = {
        "province": province.code,
        "address": province.registrar.url,
        "database": "/var/lib/edge-agent-registrar/registrar.db",
        "socket": "/run/edge-agent-registrar/registrar.sock",
        "socket_group": "www-data",
        "issuing_certificate": "issuing/ca.pem",
        "issuing_key": "issuing/ca.key",
        "device_root": "device-root.pem",
        "page_certificate": "page-issuing/ca.pem",
        "page_key": "page-issuing/ca.key",
        "page_root": "page-root.pem",
        "server_root": "server-root.pem",
        "command_keys": "keys.json",
        # Not the names of centres: each operator's page is one too, and Mosquitto tells a device of all.
        "brokers": [each.url for each in province.brokers],
    }
    evidence = ""
    if keys.evidence is not None and province.evidence is not None:
        told: dict[str, object] = {"recipient": str(keys.evidence), "max_age_days": province.evidence.kept_days}
        if province.evidence.upload_hosts:
            told["upload_hosts"] = province.evidence.upload_hosts
        evidence = f"\n[evidence]\n{_toml(told)}"
    text = _toml(lines) + evidence + "".join(f"\n[[site]]\n{_toml(site.model_dump())}" for site in province.sites)
    shop.derive("registrar/registrar.toml", f"# Derived from {province.code}.toml: change it there.\n{text}")


def _toml(values: Mapping[str, object]) -> str:
    """What JSON writes of texts, numbers and lists is TOML too."""
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())


def _authority(broker: Broker) -> str:
    """Where its page is, as an address has it."""
    return broker.host + (f":{broker.page_port}" if broker.page_port != 443 else "")


def _swapped(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        if old not in text:
            raise KitError(f"deploy's configuration has no {old.strip()!r} any more: the kit must learn what it has")
        text = text.replace(old, new)
    return text
