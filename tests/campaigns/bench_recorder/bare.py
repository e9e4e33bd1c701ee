"""What a recorder is compared with. `import`: PyAV loaded, and nothing else; `remux URL FILE`: a stream into an MP4."""

import sys
import time

import av


def remux(address: str, file: str) -> None:
    """Write the stream's video as fragmented MP4, until it is killed."""
    source = av.open(address, options={"rtsp_transport": "tcp", "allowed_media_types": "video"})
    target = av.open(file, "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov+default_base_moof"})
    video = source.streams.video[0]
    written = target.add_stream_from_template(video)
    for packet in source.demux(video):
        if packet.dts is not None:
            packet.stream = written
            target.mux(packet)


if __name__ == "__main__":
    if sys.argv[1] == "remux":
        remux(sys.argv[2], sys.argv[3])
    time.sleep(3600)
