"""The registrar over HTTP, behind nginx: EST (RFC 7030) for devices, JSON for people.

nginx says who is there, in two headers that it always sets itself, and it alone can open the socket. Its TLS proves
that a device has the key of the certificate that it shows; whether that certificate counts is decided here.
"""

import base64
import binascii
import json
import logging
import re
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import Any, TypeVar
from urllib.parse import unquote, unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from edge_centre.registrar.bearer import Bearers
from edge_centre.registrar.csr import MAX_BYTES, DeviceRequest, PageRequest, read_page_request, read_request
from edge_centre.registrar.device_settings import settings_text
from edge_centre.registrar.devices import Caller, Devices, WrongSecret
from edge_centre.registrar.limits import Limits
from edge_centre.registrar.office import Office
from edge_centre.registrar.records import Records
from edge_centre.registrar.refusal import Pending, Refusal
from edge_centre.registrar.wording import place_text

POLL_S = 10
"""How often a device that waits for approval asks."""
_NAME = re.compile(r"[a-z0-9/-]{1,200}\Z")
_log = logging.getLogger(__name__)

_Asked = TypeVar("_Asked", DeviceRequest, PageRequest)
Answer = Callable[[Request, bytes], Response]


class Web:
    """The handlers. Each runs on a thread of its own, with the whole body."""

    def __init__(
        self,
        records: Records,
        bearers: Bearers,
        authorities: list[x509.Certificate],
        of_pages: list[x509.Certificate],
        limits: Limits,
    ) -> None:
        self._config = records.config
        self._records = records
        self._devices = Devices(records)
        self._office = Office(records)
        self._bearers = bearers
        self._authorities = _certificates(authorities)
        self._of_pages = _certificates(of_pages)
        self._limits = limits

    def cacerts(self, _: Request, __: bytes) -> Response:
        """Give the authorities."""
        return self._authorities

    def enrol(self, request: Request, body: bytes) -> Response:
        """Give a device its first certificate."""
        address = _address(request)
        claim = _basic(request)
        self._limits.check(address, claim[0] if claim else "")
        asked = None
        try:
            asked = read_request(body)
            given = self._devices.enrol(asked, Caller(address, claim, _place(request)))
        except Refusal as refusal:
            self._write_down(refusal, address, asked, claim[0] if claim and isinstance(refusal, WrongSecret) else "")
            raise
        if isinstance(given, Pending):
            return PlainTextResponse(f"{given.text}\n", 202, headers={"Retry-After": str(POLL_S)})
        return _certificates([x509.load_der_x509_certificate(given)])

    def renew(self, request: Request, body: bytes) -> Response:
        """Give a device a new certificate for its old one."""
        return self._to_device(request, body, read_request, self._devices.renew)

    def page_cacerts(self, _: Request, __: bytes) -> Response:
        """Give the authorities of service pages. No device trusts them: they vouch to phones alone."""
        return self._of_pages

    def page(self, request: Request, body: bytes) -> Response:
        """Give a device the certificate of its service page."""
        return self._to_device(request, body, read_page_request, self._devices.page)

    def _to_device(
        self,
        request: Request,
        body: bytes,
        read: Callable[[bytes], _Asked],
        give: Callable[[_Asked, x509.Certificate], bytes],
    ) -> Response:
        """Give what it asks for to a device that shows its certificate."""
        address = _address(request)
        asked = None
        try:
            shown = _shown(request)
            asked = read(body)
            given = give(asked, shown)
        except Refusal as refusal:
            # A device is refused for what it is here, never for what others at its address have done.
            self._write_down(refusal, address, asked)
            raise
        return _certificates([x509.load_der_x509_certificate(given)])

    def settings(self, request: Request, _: bytes) -> Response:
        """Give a device what it needs to know of its province."""
        name, place = self._devices.device(_shown(request))
        keys = {"keys": self._bearers.public_keys()}
        return JSONResponse({"settings": settings_text(self._config, name, place), "command_keys": keys})

    def decommission(self, request: Request, _: bytes) -> Response:
        """Revoke the device that asks."""
        return PlainTextResponse(f"{self._devices.decommission(_shown(request))}\n")

    def revocation_list(self, _: Request, __: bytes) -> Response:
        """Give the list to a broker."""
        return Response(self._devices.revocation_list(), media_type="application/x-pem-file")

    def requests(self, request: Request, body: bytes) -> Response:
        """List the devices that wait."""
        self._who(request, body)
        waiting = []
        for one in self._office.requests():
            each = one.request
            site = self._config.site_of(each.name)
            waiting.append(
                {
                    "key": each.key,
                    "code": each.code,
                    "name": each.name,
                    "board": each.board,
                    "site": site and site.name,
                    "place": each.place or (site and site.text),
                    "asked_at": each.asked_at,
                    "replaces": one.replaces,
                    "remark": one.remark,
                    "address": each.address,
                }
            )
        return JSONResponse(waiting)

    def decide(self, request: Request, body: bytes) -> Response:
        """Approve or refuse one."""
        who = self._who(request, body)
        try:
            content = json.loads(body)
            do, reason = content["do"], content.get("reason") or None
            seen = (content["replaces"],) if "replaces" in content else None
            known = do in {"approve", "refuse"} and (reason is None or (isinstance(reason, str) and len(reason) <= 200))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            known = False
        if not known:
            raise Refusal('This is no decision: it is {"do": "approve"} or {"do": "refuse", "reason": "..."}.', 400)
        key = request.path_params["key"]
        decided = self._office.decide(key, approve=do == "approve", who=who, reason=reason, seen=seen)
        return JSONResponse({"key": decided.key, "name": decided.name, "state": decided.state})

    def devices(self, request: Request, body: bytes) -> Response:
        """List the devices."""
        self._who(request, body)
        return JSONResponse(
            [
                {
                    "name": each.name,
                    "board": each.board,
                    "not_after": each.not_after,
                    "revoked": each.revoked_at and {"at": each.revoked_at, "reason": each.reason},
                    "seen_at": seen_at,
                }
                for each, seen_at in self._office.devices()
            ]
        )

    def _who(self, request: Request, body: bytes) -> str:
        return self._bearers.who(request.headers.get("authorization", ""), request.method, request.scope["path"], body)

    def _write_down(
        self, refusal: Refusal, address: str, asked: DeviceRequest | PageRequest | None, wrong_for: str = ""
    ) -> None:
        name = key = None
        if asked is not None:
            name, key = asked.host if isinstance(asked, PageRequest) else asked.user, asked.key
        if refusal.status >= 429:
            return
        try:
            self._limits.check(address)  # strangers must not fill the disk
            self._records.refused(refusal, address, name, key)
        except Refusal as error:
            _log.warning("refused %s at %s, not in the journal (%s): %s", name, address, error, refusal)
        self._limits.refused(address, wrong_for)


def make_app(web: Web) -> Starlette:
    """Return the ASGI application. Which pages may ask it from a browser is nginx's to say."""
    est = "/.well-known/est"
    routes = [
        Route(f"{est}/cacerts", _endpoint(web.cacerts), methods=["GET"]),
        Route(f"{est}/simpleenroll", _endpoint(web.enrol), methods=["POST"]),
        Route(f"{est}/simplereenroll", _endpoint(web.renew), methods=["POST"]),
        Route(f"{est}/page/cacerts", _endpoint(web.page_cacerts), methods=["GET"]),
        Route(f"{est}/page/simpleenroll", _endpoint(web.page), methods=["POST"]),
        Route("/registrar/settings", _endpoint(web.settings), methods=["GET"]),
        Route("/registrar/decommission", _endpoint(web.decommission), methods=["POST"]),
        Route("/registrar/device.crl", _endpoint(web.revocation_list), methods=["GET"]),
        Route("/registrar/requests", _endpoint(web.requests), methods=["GET"]),
        Route("/registrar/requests/{key}", _endpoint(web.decide), methods=["POST"]),
        Route("/registrar/devices", _endpoint(web.devices), methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={Exception: _broken})


def _broken(_: Request, __: Exception) -> Response:
    """The answer to a fault of ours; Starlette hands the exception on, and uvicorn logs it."""
    return PlainTextResponse("The registrar has failed: nothing was done. Ask the office to look at its log.\n", 500)


def _endpoint(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body = await _body(request)
            return await run_in_threadpool(answer, request, body)
        except Refusal as refusal:
            headers = {} if refusal.retry_after_s is None else {"Retry-After": str(refusal.retry_after_s)}
            if refusal.status == 401:
                headers["WWW-Authenticate"] = 'Basic realm="claim"' if isinstance(refusal, WrongSecret) else "Bearer"
            return PlainTextResponse(f"{refusal}\n", refusal.status, headers=headers)

    return endpoint


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise Refusal("This request is too long: update edge-agent on this device, then try again.", 413)
    return bytes(body)


def _address(request: Request) -> str:
    address = request.headers.get("x-client-address")
    if not address:
        raise Refusal("The registrar is reached through nginx alone: ask the office to look after it.", 500)
    if ":" in address:
        # A host of IPv6 has 2^64 addresses: all of its network count as one.
        return str(ip_network((address, 64), strict=False))
    return address


def _shown(request: Request) -> x509.Certificate:
    """The certificate whose key the caller has proved to have."""
    _address(request)
    escaped = request.headers.get("x-client-certificate")
    if not escaped:
        raise Refusal("This needs the device's certificate: enrol this device first.", 401)
    try:
        return x509.load_pem_x509_certificate(unquote_to_bytes(escaped))
    except (ValueError, x509.InvalidVersion) as error:
        raise Refusal("This certificate can't be read: ask the office for a claim for this device.", 400) from error


def _basic(request: Request) -> tuple[str, str] | None:
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        user, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        scheme, user, colon, secret = "", "", "", ""
    if scheme.lower() != "basic" or not colon or not _NAME.match(user):
        raise Refusal("This claim can't be read: ask the office for a new one.", 400)
    return user, secret


def _place(request: Request) -> str | None:
    """Where a technician says that the device is: percent-encoded UTF-8, in a header of ours."""
    return place_text(unquote(request.headers.get("edge-place", "")))


def _certificates(certificates: list[x509.Certificate]) -> Response:
    content = base64.encodebytes(pkcs7.serialize_certificates(certificates, Encoding.DER))
    headers: dict[str, Any] = {"Content-Transfer-Encoding": "base64"}
    return Response(content, media_type="application/pkcs7-mime; smime-type=certs-only", headers=headers)
