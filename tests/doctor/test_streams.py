"""What the doctor says of the media server for streams."""

from pathlib import Path
from tempfile import mkdtemp

from agent.core.diagnosis.finding import Finding, State
from agent.doctor.check import Device
from agent.doctor.streams import media_server
from tests.doctor.test_recording import settings_of
from tests.support.certificates import Authority
from tests.support.scripted_media_server import ScriptedMediaServer


def examine(directory: Path, url: str, ca: Authority, login: Path | None = None) -> list[Finding]:
    settings = settings_of(Path(mkdtemp(dir=directory)))
    live = settings.live.model_copy(update={"stream": url, "ca_file": ca.ca, "login_file": login})
    device = Device(settings.model_copy(update={"live": live}), simulate=False, agent=None)
    return list(media_server(device, lambda _: None))


def test_a_server_that_proves_its_name_is_good_and_its_certificates_end_is_told(tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.write_text("kiosk:secret")
    login.chmod(0o600)
    with ScriptedMediaServer(tmp_path) as server:
        found = examine(tmp_path, server.url, server.authority, login)
        login.chmod(0o644)
        again = examine(tmp_path, server.url, server.authority, login)
    assert [each.state for each in found] == [State.OK, State.WARN]
    assert "ends in" in found[1].what
    assert again[0].what == "others may read the file of the login to the media server: chmod 600"
    assert server.asked == []


def test_one_that_does_not_or_is_not_there_is_wrong(tmp_path: Path) -> None:
    with ScriptedMediaServer(tmp_path) as server:
        [found] = examine(tmp_path, server.url, Authority(tmp_path / "another"))
    assert found.state is State.FAIL
    assert "certificate does not hold" in found.what
    [found] = examine(tmp_path, server.url, server.authority)
    assert "connection refused" in found.what
    server.authority.ca.unlink()
    [found] = examine(tmp_path, server.url, server.authority)
    assert "authorities can't be read" in found.what
