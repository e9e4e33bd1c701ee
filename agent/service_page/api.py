"""The API of the page, request by request."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from agent.core.commissioning.walk import Answer
from agent.service_page.entrance import Entrance, Refused
from agent.service_page.views import Views
from agent.service_page.walking import NotNow, Walking
from agent.service_page.web import Reply, Request, found, refusal, session_cookie
from agent.trust.jose_keys import MAX_TOKEN_BYTES

_ANSWERS = frozenset(get_args(Answer))
_DONE = Reply(204)
_TAKEN_OVER = refusal(401, "Another phone has taken over.", why="taken-over")
_PICTURE = re.compile(r"cameras/([a-z0-9-]{1,64})/picture")
_ANSWER_S = 8.0
_TRIAL_S = 130.0
"""How long new settings may be on trial, and a little more."""


class Malformed(Exception):  # noqa: N818 - a verdict
    """A request lacks something."""


class Api:
    """Any thread."""

    def __init__(self, entrance: Entrance, walking: Walking, views: Views, is_over: Callable[[], bool]) -> None:
        self._views = views
        self._entrance = entrance
        self._walking = walking
        self._is_over = is_over
        self.door: Mapping[str, Any] = {}
        """Whether the office vouches for this page, and under which name; empty where it needs nobody's word."""
        self._before_the_code: Mapping[tuple[str, str], Callable[[Request], Reply]] = {
            ("POST", "enter"): self._enter,
            ("GET", "door"): lambda _: found(self.door),
        }
        self._routes: Mapping[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", "state"): self._state,
            ("POST", "orders"): self._orders,
            ("POST", "answer"): self._answer,
            ("POST", "walk"): self._walk,
            ("GET", "cameras"): self._cameras,
            ("GET", "settings"): self._settings,
            ("POST", "settings/check"): self._check,
            ("POST", "settings"): self._set,
            ("GET", "report"): self._draft,
            ("POST", "report"): self._seal,
        }

    def answer(self, request: Request) -> Reply:
        """Answer a request."""
        if self._is_over() or self._entrance.is_shut:
            return refusal(410, "The page is closed.")
        try:
            if (before := self._before_the_code.get((request.method, request.path))) is not None:
                return before(request)
            if not self._entrance.admits(request.session):
                taken = self._entrance.was_admitted(request.session)
                return _TAKEN_OVER if taken else refusal(401, "Enter the code first.", why="ended")
            return self._route(request)
        except Malformed as error:
            return refusal(400, f"The request lacks {error}.")
        except NotNow as error:
            return refusal(409, str(error))

    def _route(self, request: Request) -> Reply:
        if request.method == "GET" and (picture := _PICTURE.fullmatch(request.path)) is not None:
            return self._picture(picture[1], request)
        route = self._routes.get((request.method, request.path))
        return refusal(404, "There is nothing like that.") if route is None else route(request)

    def _enter(self, request: Request) -> Reply:
        try:
            token = self._entrance.enter(_text(request.body, "code", 64))
        except Refused as error:
            self._walking.tell(event="wrong-codes", count=self._entrance.wrong)
            if not error.tries_left:
                self._walking.tell(event="ended", reason="five wrong codes")
                return refusal(410, str(error))
            return refusal(403, str(error), tries_left=error.tries_left)
        self._walking.tell(event="entered", **{"from": request.peer})
        return _DONE._replace(headers=session_cookie(token))

    def _state(self, request: Request) -> Reply:
        after = request.query.get("after", "")
        state = self._walking.state(int(after) if after.isdecimal() else -1)
        if not self._entrance.admits(request.session):  # meanwhile
            return _TAKEN_OVER
        return found(state)

    def _orders(self, request: Request) -> Reply:
        orders = request.body.get("orders", [request.body])
        if not isinstance(orders, list):
            raise Malformed("orders")
        for order in orders:
            if not isinstance(order, dict):
                raise Malformed("orders")
            self._walking.order(_text(order, "id", 64), _token(order))
        return _DONE

    def _answer(self, request: Request) -> Reply:
        answer: Any = _text(request.body, "answer", 16)
        if answer not in _ANSWERS:
            raise Malformed("answer")
        reason = request.body.get("reason") or ""
        if not isinstance(reason, str):
            raise Malformed("reason")
        self._walking.answer(answer, reason[:200], _text(request.body, "say", 1000) if "say" in request.body else None)
        return _DONE

    def _walk(self, request: Request) -> Reply:  # noqa: ARG002 - every route has it
        self._walking.begin_another()
        return _DONE

    def _cameras(self, request: Request) -> Reply:  # noqa: ARG002 - every route has it
        return found(self._walking.ask(b"cameras -\n", "cameras", _ANSWER_S)["cameras"])

    def _settings(self, request: Request) -> Reply:  # noqa: ARG002 - every route has it
        return found(self._walking.ask(b"settings -\n", "settings", _ANSWER_S)["settings"])

    def _picture(self, name: str, request: Request) -> Reply:
        after = request.query.get("after", "")
        told = self._views.get(name, int(after) if after.isdecimal() else 0)
        if told is None:
            self._views.pause(name)
            line = self._walking.ask(f"view {name}\n".encode(), f"view {name}", _ANSWER_S)
            if "refused" in line:
                return refusal(503, f"The camera {name} gives no picture: {line['refused']}.")
            told = self._views.put(name, line)
        figures = {"X-Number": str(told.number), "X-Focus": str(told.focus), "X-Light": str(told.light)}
        return Reply(200, told.jpeg, "image/jpeg", figures)

    def _check(self, request: Request) -> Reply:
        changes = request.body.get("changes")
        if not isinstance(changes, dict):
            raise Malformed("changes")
        line = b"check " + json.dumps(changes).encode() + b"\n"
        return found(self._walking.ask(line, "checked", _ANSWER_S)["checked"])

    def _set(self, request: Request) -> Reply:
        token = _token(request.body)
        result = self._walking.try_settings(b"command/config-set " + token + b"\n", *_order(token), _TRIAL_S)
        return found({name: result[name] for name in ("status", "code", "text")})

    def _draft(self, request: Request) -> Reply:
        asked = {name: request.query.get(name, "")[:200] for name in ("kid", "name", "note")}
        return _of_report(self._walking.report("draft", asked))

    def _seal(self, request: Request) -> Reply:
        half = {name: _text(request.body, name, 4096) for name in ("report", "protected", "signature")}
        return _of_report(self._walking.report("report", half))


def _order(token: bytes) -> tuple[str, int]:
    """Return the id and the revision of signed settings, by which their result comes. The agent judges them."""
    try:
        payload = token.split(b".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
        return str(claims["cmd_id"]), int(claims["args"]["revision"])
    except (IndexError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise Malformed("token") from error


def _of_report(line: Mapping[str, Any]) -> Reply:
    return refusal(409, f"There is no report: {line['refused']}.") if "refused" in line else found(line)


def _text(body: Mapping[str, Any], name: str, most: int) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value or len(value) > most:
        raise Malformed(name)
    return value


def _token(body: Mapping[str, Any]) -> bytes:
    """Return a signed command, which must not end the line that it goes out in."""
    token = _text(body, "token", MAX_TOKEN_BYTES)
    if not token.isascii() or any(letter.isspace() for letter in token):
        raise Malformed("token")
    return token.encode()
