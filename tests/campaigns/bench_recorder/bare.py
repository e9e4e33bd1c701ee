"""What a recorder is compared with, in PyAV and nothing else.

`import`: it is loaded; `encode WIDTH HEIGHT RATE`: I420 pictures from stdin, as a recorder encodes them; `remux URL
FILE`: a stream into a fragmented MP4; `remux URL FILE sync`: each fragment of it synced.
"""

import os
import sys
import time
from fractions import Fraction

import av


def encode(width: int, height: int, rate: int) -> None:
    """Encode what comes."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt, context.bit_rate = width, height, "yuv420p", 1_200_000
    context.framerate, context.time_base, context.gop_size = Fraction(rate), Fraction(1, rate), rate
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "threads=1"}
    for number, picture in enumerate(iter(lambda: sys.stdin.buffer.read(width * height * 3 // 2), b"")):
        frame, place = av.VideoFrame(width, height, "yuv420p"), 0
        for plane in frame.planes:
            plane.update(memoryview(picture)[place : place + plane.buffer_size])
            place += plane.buffer_size
        frame.pts = number
        context.encode(frame)


def remux(address: str, file: str, sync: bool) -> None:
    """Write the stream's video, until it is killed."""
    source = av.open(address, options={"rtsp_transport": "tcp", "allowed_media_types": "video"})
    target = av.open(file, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov+default_base_moof"})
    video = source.streams.video[0]
    written = target.add_stream_from_template(video)
    number = -1
    for packet in source.demux(video):
        if packet.dts is not None:
            packet.stream = written
            target.mux(packet)
            if packet.is_keyframe and sync:
                number = number if number >= 0 else os.open(file, os.O_WRONLY)
                os.fsync(number)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["encode", width, height, rate]:
            encode(int(width), int(height), int(rate))
        case ["remux", address, file, *sync]:
            remux(address, file, bool(sync))
    time.sleep(3600)
