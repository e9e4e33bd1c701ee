"""An afternoon in Johannesburg: kiosks with an alarm in every state, and what a camera saw, in synthetic figures."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image, ImageDraw

from agent.contract.envelope import rfc3339
from agent.contract.messages import AlarmData, Answer
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction
from edge_centre.conform.voice import Made, new_id, press
from tests.control_room.fleet import Fleet, Kiosk

# In the order of the fleet's sites.
PLACES = (
    "Park Station, Rissik Street entrance",
    "Bree Taxi Rank, stand 14",
    "Hillbrow Clinic, Smit Street",
    "Zoo Lake, bowling club gate",
    "Library Gardens, fountain",
    "Joubert Park, bandstand",
    "Park Station, Wanderers Street",
    "Bree Taxi Rank, stand 3",
)


def a_day(fleet: Fleet) -> list[str]:
    """Say it all to whoever listens; returns the alarms. The first has a picture."""
    kiosks = [fleet.add(Kiosk(number, where)) for number, where in enumerate(PLACES)]
    picture = new_id()
    camera = {"name": "front", "persons": 2, "tracks": ["0a1b2c3d-1"], "snapshot": picture}
    alarms = [
        _alarm(kiosks[0], 46, stage=Stage.DELAYED, press_count=3, camera=camera),
        _alarm(kiosks[1], 9, kind="medical", codes={"contact_id": "100", "sia": "MA"}),
        _alarm(kiosks[2], 260, stage=Stage.REGISTERED, held_by=_answer("Sipho")),
        _alarm(
            kiosks[3],
            700,
            stage=Stage.DISPATCHED,
            held_by=_answer("Naledi"),
            answered_by={AckAction.DISPATCHED: _answer("Naledi", unit="car 7")},
        ),
        _alarm(kiosks[4], 120, status="exercise"),
    ]
    said: list[Made] = []
    for kiosk in kiosks:
        said += [kiosk.described(), *kiosk.born()]
        said += [kiosk.healthy(memory_bytes=(80 + n % 4) << 20, temperature_c=48.0 + n % 5) for n in range(12)]
        said += [kiosk.left(f"{kiosk.voice.identity.device}-{n}") for n in range(2)]
    said += [kiosk.told(data) for kiosk, data in zip(kiosks, alarms, strict=False)]
    said.append(Made(kiosks[0].voice.identity.up("snapshot", picture), street()))
    said.append(kiosks[-1].voice.state("offline", 2))
    fleet.say(*said)
    return [data.alarm_id for data in alarms]


def _alarm(kiosk: Kiosk, seconds_ago: int, **fields: Any) -> AlarmData:
    at = rfc3339(datetime.now(UTC) - timedelta(seconds=seconds_ago))
    return press(location=kiosk.place, raised_at=at, latency_ms={"sent": 4}, **fields)


def _answer(by: str, **fields: Any) -> Answer:
    return Answer(issuer=by.lower(), by=by, at=rfc3339(datetime.now(UTC) - timedelta(minutes=3)), **fields)


def street() -> bytes:
    """A JPEG of a pavement with two drawn figures: nobody was ever there."""
    image = Image.new("RGB", (640, 360), "#8fa3b0")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 640, 190), fill="#b9a48c")
    for left in range(20, 640, 120):
        draw.rectangle((left, 30, left + 70, 130), fill="#5c6f7d", outline="#8a7763", width=4)
    draw.polygon([(0, 190), (640, 190), (640, 360), (0, 360)], fill="#9a9a96")
    for at in range(-200, 840, 90):
        draw.line((320 + (at - 320) // 2, 190, at, 360), fill="#86867f", width=2)
    draw.rectangle((470, 90, 500, 300), fill="#2f5d8a")
    draw.ellipse((473, 110, 497, 134), fill="#d22f27")
    for x, height, colour in ((250, 170, "#37474f"), (390, 190, "#7b3f00")):
        _figure(draw, x, 320, height, colour)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=80)
    return written.getvalue()


def _figure(draw: ImageDraw.ImageDraw, x: int, ground: int, height: int, colour: str) -> None:
    head, wide = height // 8, height // 5
    top = ground - height
    draw.ellipse((x - head, top, x + head, top + 2 * head), fill="#c8a98b")
    draw.rounded_rectangle((x - wide, top + 2 * head + 2, x + wide, ground - height * 2 // 5), wide // 2, fill=colour)
    for side in (-1, 1):
        draw.line(
            (x + side * wide // 2, ground - height * 2 // 5, x + side * wide // 2, ground), fill="#222", width=wide // 2
        )
