"""A network camera over RTSP, with a microphone: H.264 and PCMA from GStreamer's own server.

Run by Debian's Python, which has GStreamer's bindings. Its arguments are PORT (0: a free one), frames a second, how to
encode and pay, width and height. It says on standard output, one a line, `port N`; `setup URL` whenever a client sets
up one of the two streams of `/yard`; and `size WIDTH HEIGHT` when what is sent has another size.
A line `WIDTH HEIGHT` on standard input changes the size of the running pictures. It ends with its standard input.
"""

import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - after the versions are chosen

PIPELINE = (
    "( videotestsrc is-live=true pattern=ball ! videoscale ! capsfilter name=form caps={caps} "
    "! {encode} name=pay0 pt=96 config-interval=-1 "
    "audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=97 )"
)


def caps(width: int, height: int, frames_per_second: int) -> str:
    return f"video/x-raw,width={width},height={height},framerate={frames_per_second}/1"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")  # at once: several threads speak
    sys.stdout.flush()


def main(port: str, frames_per_second: int, encode: str, width: int, height: int) -> None:
    Gst.init(None)
    forms = []
    loop = GLib.MainLoop()

    def on_media(_: Any, media: Any) -> None:
        forms.append(media.get_element().get_by_name("form"))
        payload = media.get_element().get_by_name("pay0").get_static_pad("sink")
        payload.connect("notify::caps", on_size)

    def on_size(pad: Any, _: Any) -> None:
        form = pad.get_current_caps()
        if form is not None:
            say(f"size {form.get_structure(0).get_value('width')} {form.get_structure(0).get_value('height')}")

    def on_client(_: Any, client: Any) -> None:
        client.connect("setup-request", lambda _, context: say(f"setup {context.uri.get_request_uri()}"))

    def on_line(channel: Any, condition: Any) -> bool:
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        width, height = map(int, line.split())
        for form in forms:
            form.set_property("caps", Gst.Caps.from_string(caps(width, height, frames_per_second)))
        return True

    factory = GstRtspServer.RTSPMediaFactory.new()
    factory.set_launch(PIPELINE.format(caps=caps(width, height, frames_per_second), encode=encode))
    factory.connect("media-configure", on_media)
    server = GstRtspServer.RTSPServer.new()
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.get_mount_points().add_factory("/yard", factory)
    server.connect("client-connected", on_client)
    server.attach(None)
    GLib.io_add_watch(sys.stdin.fileno(), GLib.IO_IN | GLib.IO_HUP, on_line)
    say(f"port {server.get_bound_port()}")
    loop.run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
