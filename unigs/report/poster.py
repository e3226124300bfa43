"""The picture that a video shows on the page before somebody plays it."""

import base64
import logging
from pathlib import Path

import cv2
import numpy as np

from unigs.media.video import read_video
from unigs.stage.errors import UserError

log = logging.getLogger("unigs")

WIDTH = 480
"""Pixels of a poster's width, at most."""
QUALITY = 75
"""Quality of its JPEG, of 100: 10 to 20 kB in the page."""


def poster(video: Path) -> str:
    """The first frame of a video as a JPEG in a data address, so that the page stays one file.

    Args:
        video: the video.

    Returns:
        The address; empty if the video cannot be decoded, which the log tells.
    """
    frames = read_video(video)
    try:
        frame = next(frames, None)
    except UserError as error:
        log.warning("%s It has no picture on the page.", error)
        return ""
    finally:
        frames.close()
    return "" if frame is None else data_address(frame)


def data_address(frame: np.ndarray) -> str:
    """A uint8 RGB image [H,W,3] as a JPEG of at most `WIDTH` pixels in a data address."""
    height, width = frame.shape[:2]
    if width > WIDTH:
        size = WIDTH, max(1, round(height * WIDTH / width))
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    pixels = np.ascontiguousarray(frame[..., ::-1])
    _, content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(content).decode()
