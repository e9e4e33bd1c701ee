"""A media server at an office: takes what is pushed over RTSPS, and writes each stream to a file as it comes.

Run by Debian's Python, which has GStreamer's bindings. Its arguments are PORT (0: a free one), a PEM file with key and
certificate, a directory, and a login `name:password` or nothing. Streams go to /gp/jhb-park-station/kiosk-0042/front.
It says, one a line, `port N`, `record FILE` when somebody begins to push, and `closed` when a connection ends. It ends
with its standard input.
"""

import sys
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - after the versions are chosen

PATH = "/gp/jhb-park-station/kiosk-0042/front"
PIPELINE = (
    "( rtph264depay name=depay0 ! h264parse ! video/x-h264,stream-format=byte-stream,alignment=au "
    "! filesink name=file buffer-mode=unbuffered sync=false async=false location={} )"
)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def protect(server: Any, factory: Any, pem: str, login: str) -> None:
    auth = GstRtspServer.RTSPAuth.new()
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(pem))
    server.set_auth(auth)
    role = "sender" if login else "anonymous"
    token = GstRtspServer.RTSPToken.new()
    token.set_string("media.factory.role", role)
    if login:
        name, _, password = login.partition(":")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
    else:
        auth.set_default_token(token)
    permissions = GstRtspServer.RTSPPermissions.new()
    permissions.add_permission_for_role(role, "media.factory.access", True)
    permissions.add_permission_for_role(role, "media.factory.construct", True)
    factory.set_permissions(permissions)


def main(port: str, pem: str, directory: str, login: str) -> None:
    Gst.init(None)
    loop = GLib.MainLoop()
    count = 0

    def on_media(_: Any, media: Any) -> None:
        nonlocal count
        count += 1
        file = Path(directory) / f"{count}.h264"
        media.get_element().get_by_name("file").set_property("location", str(file))
        say(f"record {file}")

    def on_client(_: Any, client: Any) -> None:
        client.connect("closed", lambda _: say("closed"))

    def on_line(*_: Any) -> bool:
        if not sys.stdin.readline():
            loop.quit()
        return True

    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(PIPELINE.format("/dev/null"))
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
    factory.set_latency(0)
    factory.connect("media-configure", on_media)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(port)
    protect(server, factory, pem, login)
    server.get_mount_points().add_factory(PATH, factory)
    server.connect("client-connected", on_client)
    server.attach(None)
    GLib.io_add_watch(sys.stdin.fileno(), GLib.IO_IN | GLib.IO_HUP, on_line)
    say(f"port {server.get_bound_port()}")
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:5])
