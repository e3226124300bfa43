"""Renders of the test frames as videos: one for figures, and one beside the truth for people."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from unigs.evaluate.split import Split, sound_of_frames
from unigs.media.audio import RATE, read_audio, write_wav
from unigs.media.video import VideoWriter
from unigs.stage.files import atomic
from unigs.stage.leftovers import scratch_folder


def write_pairs(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]],
    size: tuple[int, int],
    split: Split,
    out: Path,
    preview: Path,
    audio: Path | None,
    *,
    title: str,
    comment: str | None = None,
) -> None:
    """Write the renders of the test frames, and truth beside render with the sound.

    Args:
        pairs: render and truth of every test frame, uint8 [h,w,3] each.
        size: width and height of a render, px.
        split: the clip's test frames.
        out: lossless video of the renders (.mkv).
        preview: truth on the left, render on the right (.mp4).
        audio: the clip's sound (.wav); None: the preview is silent.
        title: title in the preview's metadata.
        comment: comment in the preview's metadata; None: none.
    """
    (width, height), fps = size, split.table.fps
    with contextlib.ExitStack() as files:
        track = None
        if audio is not None:
            track = Path(files.enter_context(scratch_folder())) / "test.wav"
            write_wav(track, sound_of_frames(read_audio(audio, RATE), split), RATE)
        plain, people = (files.enter_context(atomic(path)) for path in (out, preview))
        lossless = files.enter_context(VideoWriter(plain, width, height, fps, "lossless"))
        told = {"audio": track, "title": title, "comment": comment}
        beside = VideoWriter(people, 2 * width, height, fps, "preview", **told)
        shown = files.enter_context(beside)
        for render, truth in pairs:
            lossless.write(render)
            shown.write(np.hstack([truth, render]))
