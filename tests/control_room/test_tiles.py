"""The map over an archive of tiles, which control-room.json names and the site's own nginx serves."""

import json
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.control_room.rig import SETTINGS, Browser
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import free_port
from tests.support.nginx import Nginx

BLUE_GREEN_RED = (200, 120, 40)
FARTHEST_IN = 6
PNG, VECTOR = 2, 1
DRAWN = """
() => {
  const tiles = [...document.querySelectorAll("img.leaflet-tile")];
  return tiles.length > 0 && tiles.every((tile) => tile.complete && tile.naturalWidth === 256);
}
"""
OUTLINED = """
() => {
  const canvas = document.querySelector(".map canvas");
  if (canvas === null || canvas.width === 0) return false;
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte > 0);
}
"""
Look = Callable[[bytes | None], Page]


def archive(tile: bytes, kind: int = PNG) -> bytes:
    """PMTiles, version 3, nothing compressed: this one tile everywhere, from the farthest zoom to FARTHEST_IN."""
    count = (4 ** (FARTHEST_IN + 1) - 1) // 3
    # One entry: its first id, how many ids it counts for, its length, and its place (plus one) in the data.
    directory = b"".join(varint(number) for number in (1, 0, count, len(tile), 1))
    metadata = b"{}"
    start = 127
    data = start + len(directory) + len(metadata)
    sections = (start, len(directory), start + len(directory), len(metadata), data, 0, data, len(tile))
    compressed, everywhere = (1, 1), (-1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000)
    header = struct.pack(
        "<7sB11Q6B4iB2i",
        *(b"PMTiles", 3, *sections, count, 1, 1),
        *(1, *compressed, kind, 0, FARTHEST_IN, *everywhere, 5, 250_000_000, -285_000_000),
    )
    assert len(header) == start
    return header + directory + metadata + tile


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def plain_tile() -> bytes:
    return cv2.imencode(".png", np.full((256, 256, 3), BLUE_GREEN_RED, np.uint8))[1].tobytes()


@pytest.fixture
def site(tmp_path: Path, authorities: BrokerAuthorities, built_page: Path) -> Nginx:
    settings = tmp_path / "control-room.json"
    named = {"outlines": ["outlines/gauteng.json"], "tiles": "map/site.pmtiles"}
    settings.write_text(json.dumps({**SETTINGS, "brokers": [{"name": "a", "url": "/mqtt"}], **named}))
    page = shutil.copytree(built_page, tmp_path / "page")
    files = authorities.server.server()
    return Nginx(tmp_path / "nginx", page=page, settings=settings, web_port=free_port(), files=files)


@pytest.fixture
def look(tmp_path: Path, site: Nginx, browser: Browser) -> Look:
    """Opens the map of a site that has this archive."""

    def open_map(content: bytes | None) -> Page:
        if content is not None:
            (tmp_path / "page" / "map").mkdir()
            (tmp_path / "page" / "map" / "site.pmtiles").write_bytes(content)
        return browser.open(f"{site.url}#map", reduced_motion="reduce")

    return open_map


def test_tiles_are_drawn_from_an_archive_of_which_only_parts_are_asked_for(
    site: Nginx, look: Look, tmp_path: Path
) -> None:
    content = archive(plain_tile()) + bytes(1 << 20)
    with site:
        page = look(content)
        page.wait_for_function(DRAWN)
        page.wait_for_function(OUTLINED)
        shown = cv2.imdecode(np.frombuffer(page.locator(".map").screenshot(), np.uint8), cv2.IMREAD_COLOR)
        assert page.locator(".map-side [role=status]").count() == 0
        assert site.violations() == []
    assert shown is not None
    assert (shown == BLUE_GREEN_RED).all(axis=2).mean() > 0.8
    log = (tmp_path / "nginx" / "access.log").read_text()
    asked = re.findall(r'GET /map/site\.pmtiles [^"]+" (\d+) (\d+)', log)
    # A part that the browser has kept is asked for again, and not sent again.
    assert {status for status, _ in asked} <= {"206", "304"}
    assert 0 < sum(int(length) for _, length in asked) < len(content) / 10


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "The tiles in map/site.pmtiles can't be read: Bad response code: 404"),
        (b"no archive " * 100, "The tiles in map/site.pmtiles can't be read: Wrong magic number"),
        (archive(b"tile", VECTOR), "map/site.pmtiles has vector tiles"),
        (archive(b"no picture"), "Some tiles in map/site.pmtiles can't be read"),
        (archive(plain_tile())[: -len(plain_tile())], "Some tiles in map/site.pmtiles can't be read"),
    ],
    ids=["missing", "no archive", "vector", "no pictures", "cut"],
)
def test_a_wrong_archive_is_told_in_words_and_the_outlines_stay(
    site: Nginx, look: Look, browser: Browser, content: bytes | None, words: str
) -> None:
    with site:
        page = look(content)
        expect(page.locator(".map-side")).to_contain_text(words)
        page.wait_for_function(OUTLINED)
        assert page.locator("img.leaflet-tile:visible").count() == 0
    browser.forgive(r"status of 4(04|16) .*/map/site\.pmtiles")
