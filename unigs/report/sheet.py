"""Stage sheet: truth, render and error of a few test frames, the evenly spaced and the worst.

Numbers without a look have fooled everyone: this is the picture to look at first.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unigs.media.images import caption, tile, write_png
from unigs.media.video import read_video
from unigs.report.rows import read_frames
from unigs.stage import cli
from unigs.stage.errors import UserError

GAIN = 3
"""Magnification of errors."""


def draw_test_sheet(
    video: Path, render: Path, rows: Path, out: Path, spaced: int = 6, worst: int = 3
) -> None:
    """Write a sheet of test frames: truth | render | error times three.

    Args:
        video: the clip.
        render: lossless render of its test frames.
        rows: figures per test frame (frames.csv of evaluate).
        out: the picture (.png).
        spaced: number of evenly spaced frames.
        worst: number of further frames, those of lowest PSNR.

    Raises:
        UserError: a file is missing, damaged, or shorter than the table of figures.
    """
    table = read_frames(rows, "psnr_full")
    numbers, scores = table["frame"].to_numpy(), table["psnr_full"].to_numpy()
    chosen, bad = choose(scores, spaced, worst)
    order = [*chosen, *bad]
    truths = select(read_video(video), numbers[order], video)
    renders = select(read_video(render), np.array(order), render)
    cells: list[np.ndarray] = []
    for place in order:
        truth, image = truths[int(numbers[place])], renders[place]
        words = f"frame {numbers[place]}" + (" (worst)" if place in bad else "")
        cells += [
            caption(truth, words),
            caption(image, f"{scores[place]:.1f} dB"),
            caption(error_image(truth, image), f"error x{GAIN}"),
        ]
    write_png(out, tile(cells, 6 if len(order) > 3 else 3))


def choose(scores: np.ndarray, spaced: int, worst: int) -> tuple[list[int], list[int]]:
    """Rows of evenly spaced test frames, and of the worst among the others, each ascending.

    Args:
        scores: PSNR of the test frames [n], dB.
        spaced: number of evenly spaced frames.
        worst: number of further frames.
    """
    count = len(scores)
    even = sorted({int(x) for x in np.linspace(0, count - 1, min(spaced, count)).round()})
    others = [int(row) for row in np.argsort(scores, kind="stable") if int(row) not in even]
    return even, sorted(others[:worst])


def error_image(truth: np.ndarray, render: np.ndarray) -> np.ndarray:
    """Absolute difference times `GAIN`, clipped.

    Args:
        truth: uint8 [H,W,3].
        render: uint8 [H,W,3].

    Returns:
        uint8 [H,W,3].
    """
    difference = np.abs(truth.astype(np.int16) - render.astype(np.int16)) * GAIN
    return np.minimum(difference, 255).astype(np.uint8)


def select(stream: Iterator[np.ndarray], rows: np.ndarray, path: Path) -> dict[int, np.ndarray]:
    """Frames of a stream by their numbers.

    Args:
        stream: frames uint8 [H,W,3].
        rows: numbers of the frames.
        path: the file behind the stream, for the message.

    Raises:
        UserError: the stream ends before the last of these frames.
    """
    wanted, found = set(rows.tolist()), {}
    for index, frame in enumerate(stream):
        if index in wanted:
            found[index] = frame
        if len(found) == len(wanted):
            return found
    raise UserError(f"{path} lacks frame {max(wanted)}: it and the frame table do not match.")


if __name__ == "__main__":
    cli.run(draw_test_sheet)
