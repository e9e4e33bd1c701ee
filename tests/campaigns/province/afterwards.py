"""What the kit promises beyond the guide, tried on the hosts that the guide has made."""

import re
from collections.abc import Callable

from tests.campaigns.province.hosts import HOSTS, REGISTRAR, Host
from tests.campaigns.province.reader import Reader, WentWrongError, guide
from tests.support.wait import wait_for

_PLACE = "main entrance, Masabalala Yengwa Avenue"
_SECRETS = (
    "find /etc /opt /var/lib /usr/local -xdev -name '*.key' -o -name '*.acl' -o -name logins -o -name operators "
    "-o -path '*registrar*.db'"
)
_OF_BROKER = {
    "/etc/mosquitto/edge-agent/server.key": "mosquitto 600",
    "/etc/mosquitto/edge-agent/edge-agent.acl": "mosquitto 600",
    "/etc/mosquitto/edge-agent/logins": "mosquitto 600",
    "/etc/mosquitto/edge-agent/province.acl": "root 600",
    "/etc/nginx/edge-agent/server.key": "root 600",
    "/etc/nginx/edge-agent/operators": "root 640",
}
_OF_REGISTRAR = {
    "/etc/edge-agent-registrar/server.key": "root 600",
    "/etc/edge-agent-registrar/issuing/ca.key": "edge-agent-registrar 600",
    "/etc/edge-agent-registrar/page-issuing/ca.key": "edge-agent-registrar 600",
    "/var/lib/edge-agent-registrar/registrar.db": "edge-agent-registrar 600",
    "/var/lib/edge-agent-registrar/copies/registrar.db": "edge-agent-registrar 600",
}


def look(reader: Reader, hosts: dict[str, Host], say: Callable[[str], object]) -> None:
    """Try all of it. Raises WentWrongError, AssertionError."""
    [new, playbook, check], *_ = guide()
    say("beyond the guide: the playbook again, which changes nothing")
    said = reader.types(playbook)
    changed = "\n".join(task for task in said.split("\nTASK ") if re.search(r"^changed: ", task, re.MULTILINE))
    assert len(re.findall(r"changed=0 +unreachable=0 +failed=0", said)) == len(HOSTS), changed or said
    say("only what a host needs has come to it, and each secret to its user alone")
    for name in HOSTS:
        assert _secrets(hosts[name]) == (_OF_REGISTRAR if name in REGISTRAR else _OF_BROKER), name
    copies = list((reader.office / "provinces/kzn/copies").iterdir())
    assert len(copies) == 1, copies
    say("a change in the file, and a playbook that is cut off before a program starts anew: the next completes it")
    registrar = hosts[next(iter(REGISTRAR))]
    toml = reader.office / "provinces/kzn.toml"
    toml.write_text(toml.read_text().replace(_PLACE, "platform 3"))
    reader.types(new)
    before = _process(registrar)
    there = registrar.root / "etc/edge-agent-registrar/registrar.toml"
    playbook += f" --limit {registrar.name}"
    with reader.at_a_terminal(playbook) as terminal:
        terminal.read_until(lambda _: "platform 3" in there.read_text(), "the new file")
    assert "PLAY RECAP" not in terminal.said
    assert _process(registrar) == before
    reader.types(playbook)
    assert _process(registrar) != before
    say("the check notices a registrar that is down")
    assert "All is well." in reader.types(check)
    registrar.machine.run("systemctl stop edge-agent-registrar")
    said = _said(reader, check)
    assert "it answers 502" in said, said
    assert "2 checks fail" in said, said
    registrar.machine.run("systemctl start edge-agent-registrar")
    wait_for(lambda: "All is well." in _said(reader, check), 60, "a province that is well again")


def _said(reader: Reader, check: str) -> str:
    """What a check says, be all well or not."""
    try:
        return reader.types(check)
    except WentWrongError as error:
        return str(error)


def _process(registrar: Host) -> str:
    return registrar.machine.run("systemctl show -P MainPID edge-agent-registrar").stdout


def _secrets(host: Host) -> dict[str, str]:
    listed = host.machine.run(f"stat -c '%n %U %a' $({_SECRETS})").stdout
    plain = re.sub(r"registrar-[\d-]+\.db", "registrar.db", listed)
    return {name: rest for name, _, rest in (line.partition(" ") for line in plain.splitlines()) if "/ssh/" not in name}
