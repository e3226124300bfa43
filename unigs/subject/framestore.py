"""Random access to the frames of a clip without keeping them in memory."""

import tempfile
from pathlib import Path

import numpy as np

from unigs.media.video import probe, read_video
from unigs.stage.disk import mapped
from unigs.stage.errors import UserError
from unigs.subject.labels import read_labels


class FrameStore:
    """The decoded frames of a video in a memory-mapped scratch file.

    The file lives in the temporary folder (TMPDIR), has no name there, and vanishes with the
    process however it ends; the operating system keeps in memory what fits. Clip and labels take 3
    bytes and 1 byte a pixel and frame: ten minutes at 480x480 need 14 GB of scratch, not of RAM.

    Args:
        path: video file.
        count: number of frames that the video must have.
        labels: the video is a label video; frames are [H,W] of 0..4 instead of [H,W,3].

    Raises:
        UserError: the video has another number of frames, or the temporary folder is too small.
    """

    def __init__(self, path: Path, count: int, labels: bool = False) -> None:
        info = probe(path)
        shape = (count, info.height, info.width) + (() if labels else (3,))
        with tempfile.TemporaryFile(prefix="unigs-frames-") as scratch:
            self.frames = mapped(scratch, shape, Path(tempfile.gettempdir()), path)
            seen = 0
            for frame in read_labels(path) if labels else read_video(path):
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
