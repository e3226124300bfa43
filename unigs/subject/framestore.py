"""Random access to the frames of a clip without keeping them in memory."""

import tempfile
from pathlib import Path

import numpy as np

from unigs.media.video import probe, read_video
from unigs.stage.errors import UserError


class FrameStore:
    """The decoded frames of a video in a memory-mapped scratch file.

    The file lives in the temporary folder (TMPDIR) and vanishes with the object; the operating
    system keeps in memory what fits. Ten minutes at 480x480 need 10 GB of scratch, not of RAM.

    Args:
        path: video file.
        count: number of frames that the video must have.
        gray: frames are [H,W] instead of [H,W,3].

    Raises:
        UserError: the video has another number of frames.
    """

    def __init__(self, path: Path, count: int, gray: bool = False) -> None:
        info = probe(path)
        shape = (count, info.height, info.width) + (() if gray else (3,))
        with tempfile.TemporaryFile(prefix="unigs-frames-") as scratch:
            self.frames = np.memmap(scratch, np.uint8, "w+", shape=shape)
            seen = 0
            for frame in read_video(path, gray=gray):
                if seen < count:
                    self.frames[seen] = frame
                seen += 1
        if seen != count:
            raise UserError(
                f"{path} has {seen} frames but the frame table has {count}: make both anew."
            )

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> np.ndarray:
        return self.frames[index]
