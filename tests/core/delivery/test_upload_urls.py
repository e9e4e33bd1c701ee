"""Which URL a segment goes to, and which may be used at all."""

import pytest

from agent.core.delivery.upload_urls import UploadUrls, Url, fault_of, host_of, place_of, with_port

NOW = 1_800_000_000.0
LATER = int(NOW) + 600
HOSTS = frozenset({"store.example", "store.example:9000", "127.0.0.1:9001", "[2001:db8::1]"})


@pytest.mark.parametrize(
    "url",
    [
        "https://store.example/a?s=1",
        "https://store.example:9000/a",
        "https://store.example:443/a",
        "https://[2001:db8::1]/a",
    ],
)
def test_only_hosts_of_the_settings_are_taken(url: str) -> None:
    assert fault_of(url, HOSTS, is_simulated=False) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/a",
        "https://store.example.other.example/a",
        "https://store.example:8443/a",
        "https://user:pw@store.example/a",
        "https://store.example@other.example/a",
        "https://store.example/a#b",
        "http://store.example/a",
        "http://127.0.0.1:9001/a",
        "https://127.0.0.1/a",
        "https:///a",
        "https://store.example:99999/a",
        "https://[store.example/a",
        "https://store.example\\@other.example/a",
        "file:///etc/passwd",
    ],
)
def test_a_url_that_points_elsewhere_is_refused_without_its_secret(url: str) -> None:
    fault = fault_of(f"{url}?X-Amz-Signature=secret", HOSTS, is_simulated=False)
    assert fault
    assert "secret" not in fault


def test_a_simulated_agent_alone_takes_plain_http_of_this_machine() -> None:
    assert fault_of("http://127.0.0.1:9001/a", HOSTS, is_simulated=True) is None
    assert fault_of("http://store.example/a", HOSTS | {"store.example:80"}, is_simulated=True)


def test_hosts_are_compared_with_their_ports() -> None:
    assert with_port("store.example:443") == with_port("store.example") == host_of("https://STORE.example/x")
    assert with_port("[2001:db8::1]") == host_of("https://[2001:db8::1]/x")
    assert place_of("https://store.example:9000/b/c.mp4?X=secret") == "store.example:9000/b/c.mp4"


def test_a_url_with_a_name_is_for_that_segment_alone() -> None:
    urls = UploadUrls({}, NOW)
    urls.add([Url("https://s/a", LATER, "a")], NOW)
    assert urls.find("b", NOW, may_bind=True) is None
    target = urls.find("a", NOW, may_bind=False)
    assert target is not None
    assert target.url == "https://s/a"
    urls.used(target.key)
    assert len(urls) == 0


def test_a_url_for_any_has_the_segments_name_put_into_it_and_stays() -> None:
    urls = UploadUrls({}, NOW)
    urls.add([Url("https://s/p/{name}?sig", LATER)], NOW)
    for name in ("front/a.mp4", "front/b.mp4"):
        target = urls.find(name, NOW, may_bind=False)
        assert target is not None
        assert target.url == f"https://s/p/{name}?sig"
        assert urls.bind(target.key, name) == urls.used(target.key) == {}


def test_a_url_in_advance_is_used_for_one_segment_ever_also_after_a_restart() -> None:
    urls = UploadUrls({}, NOW)
    kept = urls.add([Url("https://s/1", LATER), Url("https://s/2", LATER)], NOW)
    first = urls.find("a", NOW, may_bind=True)
    assert first is not None
    assert first.url == "https://s/1"
    kept |= urls.bind(first.key, "a")
    again = UploadUrls({key: value for key, value in kept.items() if value}, NOW)
    assert again.find("a", NOW, may_bind=True) == first
    other = again.find("b", NOW, may_bind=True)
    assert other is not None
    assert other.url == "https://s/2"
    assert again.find("c", NOW, may_bind=False) is None


def test_a_url_that_has_expired_is_forgotten() -> None:
    urls = UploadUrls({}, NOW)
    kept = urls.add([Url("https://s/1", int(NOW) + 10), Url("https://s/2", int(NOW) + 10**9)], NOW)
    assert urls.find("a", NOW + 9, may_bind=True)
    assert urls.find("a", NOW + 10, may_bind=True) != urls.find("a", NOW + 9, may_bind=True)
    assert urls.find("a", NOW + 8 * 24 * 3600, may_bind=True) is None, "no URL is kept for more than a week"
    assert len(UploadUrls({key: value for key, value in kept.items() if value}, NOW + 10)) == 1


def test_of_too_many_the_oldest_go() -> None:
    urls = UploadUrls({}, NOW)
    for number in range(5):
        changes = urls.add([Url(f"https://s/{number}/{each}", LATER) for each in range(64)], NOW + number)
    assert len(urls) == 128
    assert list(changes.values()).count(None) == 64
    found = urls.find("a", NOW, may_bind=True)
    assert found is not None
    assert found.url == "https://s/3/0"
