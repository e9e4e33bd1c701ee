"""Silences OpenCV's and FFmpeg's own messages: they go straight to stderr and may quote a stream's address."""

import os

import cv2


def silence_opencv() -> None:
    """Switch those messages off for the whole process. Call it before the first stream is opened. Any thread.

    To see them when you look for a fault, set OPENCV_LOG_LEVEL and OPENCV_FFMPEG_LOGLEVEL.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET; read when FFmpeg is first used
    if "OPENCV_LOG_LEVEL" in os.environ:
        return
    if hasattr(cv2, "setLogLevel"):
        cv2.setLogLevel(0)
    else:  # since OpenCV 5
        cv2.utils.logging.setLogLevel(0)
