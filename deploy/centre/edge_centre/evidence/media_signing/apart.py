"""Judges a film in a process of its own, which may take so much time and memory and no more.

Whoever has made a film may have made it to keep its judge busy. It is then refused, with the reason, and nothing else
waits for it. As a program: reads an order from its standard input, and writes what `said` returns.
"""

import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from agent.trust.evidence.sealed_file import ClipError
from edge_centre.evidence.media_signing.film import alone, judged
from edge_centre.evidence.media_signing.keys import Trust
from edge_centre.evidence.media_signing.verdict import Result, Verdict
from edge_centre.evidence.media_signing.words import plain, sentences
from edge_centre.evidence.mp4 import Mp4, Unreadable
from edge_centre.evidence.rebuild import PROVEN, rebuilt

_COMMAND = (sys.executable, "-I" if sys.flags.isolated else "-P", "-m", "edge_centre.evidence.media_signing.apart")
_CPU_S, _CPU_S_EACH_MB = 4.0, 0.1
"""Of processor, for a film and for each of its megabytes: twenty times what a recording takes on a slow machine."""
_LONGEST = 3.0
"""How many times longer than that it may take on a machine that has other things to do."""
_BYTES = 512 << 20
"""Of address space, besides the film."""
_MADE_AGAIN = 4
"""How many times the film is in memory while it is made again, and how much longer than a check that may take."""
_BETWEEN_S = 0.5


def said(
    film: Path | bytes,
    trust: Trust,
    ca: str | None,
    *,
    is_alone: bool = False,
    lacks: bool = False,
    is_watched: bool = False,
    longest_s: float | None = None,
    into: BinaryIO | None = None,
) -> dict[str, Any]:
    """Return the verdict on an MP4 as `plain` has it, with `says` (sentences that name the authority `ca`), `others`
    (kinds of tracks without video), `begin_s` (of its first picture) and `is_pending`: its signatures are of none of
    its pictures. `is_alone`: it is uploaded segments; `lacks`: not all of them. `is_watched`: tell on stderr how far it
    is. `into`: where the film goes that is made again of what its signatures cover, if they prove anything; where that
    can't be made, `unmade` says why.

    Raises Unreadable: also, with "refused", for what takes too long (`longest_s` at most, where that is less than its
    size allows) or too much memory; and OSError. Any thread.
    """
    with film.open("rb") if isinstance(film, Path) else _in_memory(film) as file:
        del film  # it may be large
        size = file.seek(0, 2)
        times = 1 if into is None else _MADE_AGAIN
        cpu_s = _CPU_S + _CPU_S_EACH_MB * size * times / 1e6
        order: dict[str, Any] = {
            "authorities": trust.authorities,
            "revoked": trust.revoked,
            "name": trust.name,
            "ca": ca,
        }
        order |= {"film": file.fileno(), "alone": is_alone, "lacks": lacks, "watched": is_watched}
        order |= {"cpu_s": math.ceil(cpu_s), "bytes": _BYTES + size * times}
        order["into"] = None if into is None else into.fileno()
        wait_s = min(_LONGEST * cpu_s, longest_s or math.inf)
        try:
            done = subprocess.run(
                _COMMAND,
                input=json.dumps(order).encode(),
                stdout=subprocess.PIPE,
                stderr=None if is_watched else subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},  # the store's
                pass_fds=(file.fileno(),) if into is None else (file.fileno(), into.fileno()),
                timeout=wait_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unreadable(f"refused: checking it takes longer than {wait_s:.0f} s") from error
    if done.returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
        raise Unreadable(f"refused: checking it takes more than {cpu_s:.0f} s of processor, as no recording does")
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise Unreadable(f"refused: its check has ended with exit code {done.returncode}") from error
    if "unreadable" in answer:
        raise Unreadable(str(answer["unreadable"]))
    return answer


def _in_memory(film: bytes) -> BinaryIO:
    """Return a film as a file that is on no disk: it may come out of a sealed clip."""
    file = os.fdopen(os.memfd_create("film"), "w+b")
    file.write(film)
    file.flush()
    return file


def _judge(order: dict[str, Any]) -> dict[str, Any]:
    with os.fdopen(order["film"], "rb") as file:
        movie = Mp4.read(file)
        begin_s = next(movie.samples()).time
        trust = Trust(order["authorities"], order["revoked"], order["name"])
        found = judged(movie, trust, _progress(movie.size) if order["watched"] else None)
        is_made = order["into"] is not None and found.result in PROVEN
        made = _made_again(movie, found, order["into"]) if is_made else {}
    if order["watched"]:
        print("\r      \r", end="", file=sys.stderr, flush=True)
    found = alone(found) if order["alone"] else found
    if order["lacks"] and found.result is Result.ALONE:
        found = replace(found, result=Result.MISSING)
    says = list(sentences(found, order["ca"], movie.others))
    more = {"says": says, "others": movie.others, "begin_s": begin_s, "is_pending": found.signs_nothing_here}
    return {**plain(found), **more, **made}


def _made_again(movie: Mp4, found: Verdict, into: int) -> dict[str, Any]:
    try:
        film = rebuilt(movie, found)
    except (ClipError, Unreadable) as error:
        return {"unmade": str(error)}
    with os.fdopen(into, "wb", closefd=False) as file:
        file.write(film)
    return {}


def _progress(size: int) -> Callable[[int], None]:
    told = time.monotonic()

    def tell(place: int) -> None:
        nonlocal told
        if time.monotonic() - told > _BETWEEN_S:
            told = time.monotonic()
            print(f"\r{100 * place // size} % \r", end="", file=sys.stderr, flush=True)

    return tell


def main() -> int:
    """Judge one film."""
    order = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (order["cpu_s"], order["cpu_s"] + 1))
    resource.setrlimit(resource.RLIMIT_AS, (order["bytes"], order["bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = _judge(order)
    except Unreadable as error:
        answer = {"unreadable": str(error)}
    except OSError as error:
        answer = {"unreadable": (error.strerror or str(error)).lower()}
    except MemoryError:
        answer = {"unreadable": f"refused: checking it takes more than {order['bytes'] >> 20} MiB of memory"}
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
