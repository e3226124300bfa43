"""Stage place_render: another system's render of a subject, brought to the subject's test frames.

When and where the render shows the clip is found from the pictures (`unigs.evaluate.align`) and
written down beside it. The result is a lossless video of the test frames, as `render_test` makes
of our own portraits, in the clip's pixels; where the render shows only a part of the clip's
picture, only that part.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from unigs.evaluate import align
from unigs.evaluate.foreign_frames import frames_in, frames_of, listed, size_of
from unigs.evaluate.paired_videos import write_pairs
from unigs.evaluate.split import Split, split_of
from unigs.evaluate.streams import pick
from unigs.media.video import probe, read_video
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import write_json
from unigs.stage.progress import progress
from unigs.subject.features import HeadPoses
from unigs.subject.frame_table import read_frame_table

log = logging.getLogger("unigs")

LOOK = 256
"""Width to which pictures are brought to be compared, px."""
TITLE = "Ground truth | render of another system"
"""Title in the preview's metadata."""


def place_render(
    render: Path,
    video: Path,
    frame_table: Path,
    pose: Path,
    out: Path,
    preview: Path,
    placement: Path,
    invalid: tuple[str, ...] = (),
    pasted: bool = False,
    audio: Path | None = None,
) -> None:
    """Find the test frames in a render of another system.

    Args:
        render: a video, or a folder of pictures whose names end in their numbers, one a frame of
            the clip.
        video: the clip.
        frame_table: the clip's frame table (.csv).
        pose: head poses (.npz), which say what frames are judged.
        out: the render's test frames, lossless (.mkv).
        preview: truth beside render, with sound (.mp4).
        placement: what was found (.json): offset, window, correlation.
        invalid: metrics that mean nothing for this system, for the figures.
        pasted: whether the system shows pixels of the true frames, for the figures.
        audio: the clip's sound (.wav), for the preview.

    Raises:
        UserError: the render does not show this clip, lacks test frames, or cannot be read.
    """
    table, known = read_frame_table(frame_table), HeadPoses.read(pose).head.known
    table.check_rows(pose, known)
    split = split_of(table, known)
    size = probe(video).width, probe(video).height
    own = size_of(render)
    found, rows = find_placement(render, video, split, own, size)
    box = align.common_box(found.window, own, size)
    if box[2] < size[0] // 4 or box[3] < size[1] // 4:
        raise UserError(f"{render} shows too little of {video}: {box[2]}x{box[3]} of its pixels.")
    wanted = rows_of_test(render, split, rows, found.offset, frames_in(render, table.fps))
    frames = pick(frames_of(render, table.fps), wanted, render)
    images = (align.resampled(frame, found.window, box) for frame in frames)
    x, y, width, height = box
    truth = pick(read_video(video), split.test, video)
    shown = (real[y : y + height, x : x + width] for real in truth)
    pairs = progress(zip(images, shown, strict=True), total=len(split.test), label="place")
    write_pairs(pairs, (width, height), split, out, preview, audio, title=TITLE)
    window = {"x": found.window.x, "y": found.window.y, "scale": found.window.scale}
    write_json(
        placement,
        {
            "render": Path(render).name,
            "render_size": list(own),
            "offset_frames": int(wanted[0] - split.test[0]),
            "first_render_frame": int(wanted[0]),
            "window": {name: round(value, 4) for name, value in window.items()},
            "box": list(box),
            "correlation": round(found.correlation, 4),
            "next_best_correlation": round(found.runner_up, 4),
            "matched_features": found.matches,
            "invalid": list(invalid),
            "pasted": pasted,
        },
    )
    log.info(
        "%s: frame %d shows frame %d of the clip, %.3f clip pixels a pixel, from (%.1f, %.1f) on; "
        "correlation of the motion %.2f (next best %.2f)",
        render, wanted[0], split.test[0], found.window.scale, found.window.x, found.window.y,
        found.correlation, found.runner_up,
    )  # fmt: skip


def find_placement(
    render: Path, video: Path, split: Split, own: tuple[int, int], size: tuple[int, int]
) -> tuple[align.Placement, np.ndarray]:
    """Where and when a render shows the clip, and the clip's rows that its frames were compared to.

    A render may show the clip frame by frame, or its test frames alone, those that were removed
    left out; what moves more alike is taken.

    Args:
        render: the video or the folder.
        video: the clip.
        split: its test frames.
        own: width and height of the render, px.
        size: width and height of the clip, px.

    Raises:
        UserError: the render does not show this clip.
    """
    fps = split.table.fps
    shown = _gray(frames_of(render, fps), own, "render")
    clip = _gray(read_video(video), size, "clip")
    guesses = [np.arange(len(clip))]
    if (np.diff(split.test) != 1).any():
        guesses.append(split.test)
    found = [(align.place(shown, clip[rows], len(split.test) // 2), rows) for rows in guesses]
    found = [pair for pair in found if pair[0] is not None]
    if not found:
        raise UserError(
            f"{render} does not seem to show {video}: neither its window nor its time could be "
            "found; check that it is this subject's render."
        )
    placed, rows = max(found, key=lambda pair: pair[0].correlation)
    look, look_own = (LOOK / s[0] if s[0] > LOOK else 1.0 for s in (size, own))
    near = placed.window
    window = align.Window(near.x / look, near.y / look, near.scale * look_own / look)
    snapped = align.snapped(window, own, size)
    return align.Placement(
        placed.offset, snapped, placed.correlation, placed.runner_up, placed.matches
    ), rows


def rows_of_test(
    render: Path, split: Split, rows: np.ndarray, offset: int, count: int
) -> np.ndarray:
    """Frames of the render that show the test frames, int [n].

    Args:
        render: the render, for the message.
        split: the clip's test frames.
        rows: rows of the clip that the render was compared to.
        offset: frame k of the render shows `rows[k + offset]`.
        count: number of frames of the render.

    Raises:
        UserError: the render lacks test frames.
    """
    wanted = np.searchsorted(rows, split.test) - offset
    missing = split.test[(wanted < 0) | (wanted >= count)]
    if len(missing):
        raise UserError(
            f"{render} lacks {len(missing)} of {len(split.test)} test frames, those that show "
            f"{listed(missing.tolist(), len(missing))} of the clip: render them, too."
        )
    return wanted


def _gray(stream: Iterator[np.ndarray], size: tuple[int, int], label: str) -> np.ndarray:
    """Frames as gray ones of at most `LOOK` px across, uint8 [T,h,w]."""
    width = min(size[0], LOOK)
    height = max(1, round(size[1] * width / size[0]))
    small = []
    for frame in progress(stream, label=label):
        gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        small.append(cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA))
    return np.stack(small)


if __name__ == "__main__":
    cli.run(place_render)
