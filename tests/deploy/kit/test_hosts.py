"""What hosts do with what the kit has made: revocation, another issuing authority, the playbook, the drill."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped] # comes with Ansible
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from packaging.requirements import Requirement

from deploy.package.lock import REGISTRAR, registrar_needs
from edge_centre.authority import Authority, Revoked, new_key, write_certificates, write_key
from edge_centre.kit.__main__ import main
from tests.deploy.kit.conftest import Office
from tests.support.certificates import CertificateFiles
from tests.support.mosquitto import RELOADED
from tests.support.province import RunningProvince
from tests.support.registrar import Board
from tests.support.run import ran
from tests.support.subscriber import Subscriber, assert_refused
from tests.support.wait import wait_for

pytestmark = pytest.mark.enrolment

ROLE = Path(__file__).parents[3] / "deploy/centre/edge_centre/kit/role"


def list_of(province: RunningProvince) -> bytes:
    return province.registrar.ask("GET", "/registrar/device.crl").body


@pytest.fixture
def kzn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProvince]:
    with RunningProvince(tmp_path_factory.mktemp("p"), "kzn") as province:
        yield province


def fetch(
    province: RunningProvince,
    content: bytes,
    *,
    minute: int = 0,
    broker: int = 0,
    brokers: int = 1,
    reload: str | None = None,
) -> tuple[str, str]:
    """Have the broker, which is one of several, fetch this list in this minute and read it; return what was said, and
    the number of the list that counts. A start that is wanted is only said. `reload` fails in place of the broker's."""
    files = province.broker.files
    served = files / "served/registrar/device.crl"
    served.parent.mkdir(parents=True, exist_ok=True)
    served.write_bytes(content)
    (files / "crl.env").write_text(f"REGISTRAR=file://{served.parents[1]}\nBROKER={broker}\nBROKERS={brokers}\n")
    clock = files / "date"
    clock.write_text(f"#!/bin/sh\necho {minute * 60 + 59}\n")
    clock.chmod(0o755)
    does = reload or f"kill -HUP {province.broker.pid}"
    path = f"{files}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "FILES": str(files), "RELOAD": does, "RESTART": "echo RESTART"}
    seen = province.broker.log().count(RELOADED)
    done = ran(ROLE / "files/edge-agent-crl", env=environ)
    assert (done.returncode == 0) == (reload is None), done.stderr
    if "a new list" in done.stdout and reload is None:
        wait_for(lambda: province.broker.log().count(RELOADED) > seen, what="a broker that has read the list")
    found = x509.load_pem_x509_crl((files / "device-ca.crl").read_bytes())
    return done.stdout, str(found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)


def test_a_stolen_device_is_refused_when_the_broker_has_fetched_the_list_and_no_older_or_foreign_list_takes_it_back(
    kzn: RunningProvince,
) -> None:
    stolen = kzn.enrolled(board := kzn.new_board())
    with Subscriber(kzn.broker.port, files=stolen):
        pass
    assert kzn.registrar.run("revoke", board.name, "--reason", "stolen").returncode == 0
    newest = list_of(kzn)
    said, number = fetch(kzn, newest)
    assert said.startswith("a new list")
    assert_refused(kzn.broker.port, files=stolen)
    with Subscriber(kzn.broker.port, files=kzn.device):
        pass
    serial = x509.load_pem_x509_certificate(stolen.cert.read_bytes()).serial_number
    revoked = Revoked(serial, datetime.now(UTC))
    foreign = Authority.root("device", "kzn").issuing().revocation_list([revoked], 99)
    for content in (kzn.broker.files.joinpath("first.crl").read_bytes(), foreign, b"<html>", b"", newest):
        assert fetch(kzn, content) == ("", number)


def test_only_a_start_ends_the_connection_of_a_stolen_device_and_each_broker_has_its_own_minute_for_that(
    kzn: RunningProvince,
) -> None:
    stolen = kzn.enrolled(board := kzn.new_board())
    with Subscriber(kzn.broker.port, files=stolen) as its, Subscriber(kzn.broker.port, files=kzn.device) as ours:
        kzn.registrar.run("revoke", board.name, "--reason", "stolen")
        newest = list_of(kzn)
        said, _ = fetch(kzn, newest, minute=12, broker=1, brokers=2)
        assert said.splitlines() == ["a new list of revoked devices"]
        assert_refused(kzn.broker.port, files=stolen)
        assert its.connected
        assert ours.connected
        said, _ = fetch(kzn, newest, minute=13, broker=1, brokers=2)
        assert said.splitlines() == ["a device was revoked, so every device has to reconnect", "RESTART"]
        assert fetch(kzn, newest, minute=15, broker=1, brokers=2)[0] == ""
        kzn.broker.restart()
        assert_refused(kzn.broker.port, files=stolen)


def test_a_broker_that_could_not_read_the_list_anew_reads_it_a_minute_later(kzn: RunningProvince) -> None:
    stolen = kzn.enrolled(board := kzn.new_board())
    kzn.registrar.run("revoke", board.name, "--reason", "stolen")
    newest = list_of(kzn)
    fetch(kzn, newest, minute=12, broker=1, brokers=2, reload="false")
    fetch(kzn, newest, minute=14, broker=1, brokers=2)
    assert_refused(kzn.broker.port, files=stolen)
    assert "RESTART" in fetch(kzn, newest, minute=15, broker=1, brokers=2)[0]


def test_of_two_that_fetch_the_list_at_once_neither_takes_it_from_under_the_other(kzn: RunningProvince) -> None:
    kzn.enrolled(board := kzn.new_board())
    kzn.registrar.run("revoke", board.name, "--reason", "stolen")
    files = kzn.broker.files
    (newest := files / "newest").write_bytes(list_of(kzn))
    (files / "crl.env").write_text("REGISTRAR=nowhere\nBROKER=0\nBROKERS=1\n")
    (files / "goes-on").mkdir()
    os.mkfifo(files / "goes-on/first")
    curl = files / "curl"
    curl.write_text(f"""#!/bin/sh
if [ -e fetched ]; then : >new.crl; exit 56; fi
cp {newest} new.crl; touch fetched; read go <goes-on/first
""")
    curl.chmod(0o755)
    environ = {
        **os.environ,
        "PATH": f"{files}:{os.environ['PATH']}",
        "FILES": str(files),
        "RELOAD": "true",
        "RESTART": "true",
    }
    script = ROLE / "files/edge-agent-crl"
    with ExitStack() as stack:

        def started() -> "subprocess.Popen[bytes]":
            process = stack.enter_context(subprocess.Popen([script], env=environ))
            stack.callback(process.kill)
            return process

        goes_on = os.open(files / "goes-on/first", os.O_RDWR)
        stack.callback(os.close, goes_on)
        first = started()
        wait_for((files / "fetched").exists, what="the first that has fetched the list")
        second = started()
        wait_for(lambda: second.poll() is not None or _waits_for_a_lock(second.pid), what="the second that waits")
        os.write(goes_on, b"on\n")
        assert (first.wait(60), second.wait(60)) == (0, 0)
    assert (files / "device-ca.crl").read_bytes() == newest.read_bytes()


def _waits_for_a_lock(pid: int) -> bool:
    """A process, or a child of it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    waiting = re.findall(r"-> FLOCK +\w+ +\w+ (\d+) ", Path("/proc/locks").read_text())
    return bool({str(pid), *children} & set(waiting))


def test_a_broker_starts_anew_for_what_the_playbook_has_changed_and_not_for_a_list_that_is_being_fetched(
    tmp_path: Path,
) -> None:
    (files := tmp_path / "mosquitto").mkdir()
    (files / "edge-agent.conf").touch()
    (systemctl := tmp_path / "systemctl").write_text("#!/bin/sh\nexit 0\n")
    systemctl.chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "STAMPS": str(tmp_path / "stamps")}

    def applied() -> str:
        return ran(ROLE / "files/edge-agent-apply", "mosquitto", files, env=environ).stdout

    assert applied() == "mosquitto restarted\n"
    assert applied() == ""
    for name in ("new.crl", "put.crl", "device-ca.crl", "unread"):
        (files / name).write_text("new")
    assert applied() == ""
    for name in ("cut-off", "edge-agent.conf", "centre-ca.crl"):
        (files / name).write_text("new")
        assert applied() == "mosquitto restarted\n", name
    assert applied() == ""


def test_the_kit_gives_each_broker_a_turn_of_its_own(office: Office) -> None:
    office.new()
    told = [(office.out / f"kzn/brokers/{name}/crl.env").read_text().splitlines() for name in "ab"]
    assert [lines[1:] for lines in told] == [["BROKER=0", "BROKERS=2"], ["BROKER=1", "BROKERS=2"]]


def test_for_a_device_that_was_decommissioned_or_replaced_no_broker_starts_anew(kzn: RunningProvince) -> None:
    old = kzn.enrolled(board := kzn.new_board())
    kzn.enrolled(Board(board.name), "--replace")
    gone = kzn.enrolled(kzn.new_board())
    assert kzn.registrar.ask("POST", "/registrar/decommission", shown=(gone.cert, gone.key)).status == 200
    said, _ = fetch(kzn, list_of(kzn))
    for files in (old, gone):
        assert_refused(kzn.broker.port, files=files)
    assert said.splitlines() == ["a new list of revoked devices"]


def test_the_registrars_site_names_the_page_of_each_broker(office: Office) -> None:
    office.new()
    site = (office.out / "kzn/registrar/nginx.conf").read_text()
    named = site.partition("map $http_origin $registrar_page {")[2].partition("}")[0].split(";")
    assert [" ".join(each.split()) for each in named[1:-1]] == [
        '"https://broker-a.kzn.example" $http_origin',
        '"https://broker-b.kzn.example" $http_origin',
    ]


def test_after_another_issuing_authority_was_made_no_certificate_of_the_old_one_counts_with_or_without_its_chain(
    kzn: RunningProvince, tmp_path: Path
) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes(kzn.device.cert.read_bytes() + (kzn.root / "pki/issuing.pem").read_bytes())
    for cert in (kzn.device.cert, chain):
        with Subscriber(kzn.broker.port, files=CertificateFiles(kzn.device.ca, cert, kzn.device.key)):
            pass
    shutil.rmtree(kzn.root / "registrar/issuing")
    (kzn.root / "pki/issuing.pem").unlink()
    assert main(["new", "kzn", "--out", str(kzn.root.parent)]) == 0
    for name in ("device-ca.pem", "first.crl"):
        shutil.copy(kzn.root / "brokers/a" / name, kzn.broker.files)
    said, number = fetch(kzn, b"the registrar is down")
    assert (said.startswith("a new list"), number) == (True, "0")
    kzn.broker.restart()
    for cert in (kzn.device.cert, chain):
        assert_refused(kzn.broker.port, files=CertificateFiles(kzn.device.ca, cert, kzn.device.key))
    key = new_key()
    write_key(tmp_path / "key.pem", key)
    issuing = Authority.load(kzn.root / "registrar/issuing")
    write_certificates(tmp_path / "new.pem", issuing.device(key.public_key(), kzn.board.name))
    with Subscriber(kzn.broker.port, files=CertificateFiles(kzn.device.ca, tmp_path / "new.pem", tmp_path / "key.pem")):
        pass


def test_the_playbook_is_one_that_ansible_understands_and_it_names_no_offline_file(office: Office) -> None:
    office.change('name = "KwaZulu-Natal"', 'name = "KwaZulu: {{ Natal }} # 1"')
    office.new()
    folder = office.out / "kzn/ansible"
    playbook = Path(sys.executable).with_name("ansible-playbook")
    environ = {**os.environ, "ANSIBLE_LOCAL_TEMP": str(office.out / "tmp"), "ANSIBLE_HOME": str(office.out / "home")}
    command = [str(each) for each in (playbook, "-i", folder / "inventory.yml", folder / "site.yml")]
    for words, says in ((["--syntax-check"], "site.yml"), (["--list-hosts"], "hosts (3)")):
        done = subprocess.run([*command, *words], env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert says in done.stdout
    for path in (folder / "roles").rglob("*.yml"):  # which the check of the syntax does not read
        assert yaml.safe_load(path.read_text())
    named = "".join(path.read_text() for path in (folder / "roles").rglob("*") if path.is_file())
    assert "offline" not in named
    assert "keys/" not in named


APT = """\
#!/usr/bin/python3
# Debian's lists of packages on a host that was just made: young, so that they count as fresh, and empty.
import json
from pathlib import Path
from ansible.module_utils.basic import AnsibleModule

kinds = {"name": "list", "update_cache": "bool", "cache_valid_time": "int"}
module = AnsibleModule({name: {"type": kind} for name, kind in kinds.items()})
lists = Path("LISTS")
if module.params["update_cache"] and not module.params["cache_valid_time"]:
    lists.write_text(json.dumps(module.params["name"]))
if not lists.exists():
    module.fail_json("No package matching 'nginx-light' is available")
module.exit_json(changed=True)
"""


@pytest.mark.parametrize(
    ("group", "needs"),
    [("brokers", {"nginx-light", "mosquitto"}), ("registrar", {"nginx-light", "python3-venv", "python3-packaging"})],
)
def test_the_playbook_goes_on_at_a_host_whose_lists_of_packages_are_young_and_empty(
    tmp_path: Path, group: str, needs: set[str]
) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library/apt_here.py").write_text(APT.replace("LISTS", str(tmp_path / "lists")))
    for name in ("main.yml", "packages.yml"):
        tasks = (ROLE / "tasks" / name).read_text().replace("ansible.builtin.apt:", "apt_here:")
        (tmp_path / name).write_text(tasks.partition("- name: What tells when")[0])
    (tmp_path / "hosts").write_text(f"[{group}]\nlocalhost ansible_connection=local\n")
    plays = [{"hosts": "all", "gather_facts": False, "tasks": [{"include_tasks": "main.yml"}]}]
    (tmp_path / "site.yml").write_text(yaml.safe_dump(plays))
    playbook = Path(sys.executable).with_name("ansible-playbook")
    environ = {**os.environ, "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"), "ANSIBLE_HOME": str(tmp_path / "home")}
    done = ran(playbook, "-i", tmp_path / "hosts", tmp_path / "site.yml", env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert needs <= set(json.loads((tmp_path / "lists").read_text()))


def test_ansible_shows_no_key_when_it_is_asked_for_differences(office: Office) -> None:
    office.new()
    files = (office.out / "kzn/ansible/roles/edge_agent/tasks").glob("*.yml")
    tasks = [task for path in files for task in path.read_text().split("\n- name: ") if ".key" in task]
    assert len(tasks) == 3
    for task in tasks:
        assert "\n  diff: false" in task, task


def test_a_drill_begins_with_what_the_check_says_and_is_never_overwritten(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.change('host = "broker-a.kzn.example"', 'host = "nowhere.invalid"')
    office.new()
    words = ["drill", "kzn", "--out", str(office.out)]
    assert main(words) == 0
    [path] = (office.out / "kzn/drills").iterdir()
    text = path.read_text()
    assert "FAILS  broker a: a device connects to nowhere.invalid:8883" in text
    assert text.count("| |") > 14
    root = x509.load_pem_x509_certificate((office.out / "kzn/pki/device-root.pem").read_bytes())
    assert root.fingerprint(SHA256()).hex(":") in text
    path.write_text("filled in")
    assert main(words) == 1
    assert path.read_text() == "filled in"
    assert "may be filled in" in capsys.readouterr().err


def test_a_claim_is_asked_of_the_registrars_host(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/asked\ncat >>{tmp_path}/asked\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    words = ["durban-station", "kiosk-0001", "--place", "Platform 3; rm"]
    asked = [
        "registrar.kzn.example",
        "sudo -S -p '' registrar claim durban-station kiosk-0001 --place 'Platform 3; rm'",
    ]
    monkeypatch.setattr("getpass.getpass", lambda _: "secret of sudo")
    for at_a_terminal, password in ((False, ""), (True, "secret of sudo")):
        monkeypatch.setattr(sys.stdin, "isatty", lambda there=at_a_terminal: there)
        assert main(["claim", "--out", str(office.out), "kzn", *words]) == 0
        assert (tmp_path / "asked").read_text().splitlines() == [*asked, password]


def test_the_registrars_host_gets_versions_that_satisfy_what_the_project_asks_for() -> None:
    needed = [Requirement(each) for each in registrar_needs(ROLE.parents[4])]
    locked = dict(re.findall(r"^([^\s=]+)==([^\s;]+) --hash=sha256:", REGISTRAR.read_text(), re.MULTILINE))
    assert all(locked[each.name.lower()] in each.specifier for each in needed)
    assert all(each.count("--hash=") for each in REGISTRAR.read_text().splitlines() if not each.startswith("#"))
