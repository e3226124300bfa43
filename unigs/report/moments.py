"""Stage draw_moments: rows of methods, columns of moments, zoomed in, and their errors.

The picture that articles show of their methods: the true frames on top, each method's render of the
same moments below. Moments are taken by what is known of the true frames, and the hardest one is
among them, so that nobody picks what flatters.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from unigs.evaluate.regions import band_mask
from unigs.evaluate.runs import Run, read_runs
from unigs.media.images import caption, tile, write_png
from unigs.media.video import read_video
from unigs.report.rows import read_frames
from unigs.report.sheet import GAIN, error_image, select
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.subject.labels import MOUTH, read_labels

ZOOM = 0.28
"""Side of a zoom box, as a share of the frame's."""
COLORS = {"mouth": (255, 196, 0), "band": (0, 214, 255)}
"""Colors of the boxes around the mouth and around the boundary of hair and torso."""
SHIFTS = 10
"""How often a box is moved to the middle of what it holds."""
NOTHING = 128
"""Gray of what a render does not show."""


@dataclass(frozen=True)
class Box:
    """A square of a frame, px."""

    x: int
    y: int
    side: int

    def cut(self, image: np.ndarray) -> np.ndarray:
        """The part of an image [H,W,3] that lies in the box."""
        return image[self.y : self.y + self.side, self.x : self.x + self.side]


def draw_moments(
    video: Path,
    labels: Path,
    metrics: tuple[Path, ...],
    renders: tuple[Path, ...],
    rows: tuple[Path, ...],
    out: Path,
    errors: Path,
) -> None:
    """Draw the methods of one subject at a few moments of its test frames.

    Args:
        video: the clip.
        labels: label video of its frames.
        metrics: metrics.json of each method.
        renders: lossless render of each method's test frames, in the same order.
        rows: figures per test frame of each method (.csv), in the same order.
        out: truth and methods with zoomed boxes (.png).
        errors: their errors, magnified (.png).

    Raises:
        UserError: a file is missing or damaged, or the methods were judged on other frames.
    """
    runs, tables = read_runs(metrics), [read_frames(path) for path in rows]
    frames = tables[0]["frame"].to_numpy()
    for path, table in zip(rows, tables, strict=True):
        if not np.array_equal(table["frame"].to_numpy(), frames):
            raise UserError(f"{path} is of other test frames than {rows[0]}: run evaluate anew.")
    moments = choose_moments(tables)
    chosen = np.array([frames[place] for place in moments.values()])
    truths = select(read_video(video), chosen, video)
    seen = select(read_labels(labels), chosen, labels)
    boxes = [zoom_boxes(seen[int(frame)]) for frame in chosen]
    real = [truths[int(frame)] for frame in chosen]
    cells = [
        caption(framed(image, box), words)
        for image, box, words in zip(real, boxes, moments, strict=True)
    ]
    wrong = [caption(image, words) for image, words in zip(real, moments, strict=True)]
    for run, render in zip(runs, renders, strict=True):
        places = np.array(list(moments.values()))
        found = select(read_video(render), places, render)
        shown = [on_clip(found[int(place)], run, real[0].shape) for place in places]
        cells += [
            caption(framed(image, box), run.name) for image, box in zip(shown, boxes, strict=True)
        ]
        words = f"{run.name}, error x{GAIN}"
        for image, place in zip(real, places, strict=True):
            error = error_image(part_of(image, found[int(place)], run), found[int(place)])
            wrong.append(caption(on_clip(error, run, image.shape), words))
    write_png(out, tile(cells, len(moments)))
    write_png(errors, tile(wrong, len(moments)))


def choose_moments(tables: list[pd.DataFrame]) -> dict[str, int]:
    """Words -> row of a test frame; fewer where there are few frames or no face was found.

    Args:
        tables: figures per test frame of each method.
    """
    first = tables[0]
    found = {}
    for words, column, pick in (
        ("widest mouth", "opening_truth", "idxmax"),
        ("narrowest mouth", "opening_truth", "idxmin"),
        ("eyes least open", "eye_truth", "idxmin"),
    ):
        if column in first and first[column].notna().any():
            found[words] = int(getattr(first[column], pick)())
    scores = [t["psnr_full"] for t in tables if "psnr_full" in t and t["psnr_full"].notna().any()]
    if scores:
        found["hardest frame"] = int(pd.concat(scores, axis=1).mean(axis=1).idxmin())
    found["middle frame"] = len(first) // 2
    return found


def zoom_boxes(labels: np.ndarray) -> dict[str, Box]:
    """Boxes around the mouth and around the boundary of hair and torso, where there are such.

    Args:
        labels: label image of the true frame, uint8 [H,W].
    """
    side = round(ZOOM * labels.shape[1])
    reach = max(1, labels.shape[1] // 64)
    found = {}
    for name, mask in (("mouth", labels == MOUTH), ("band", band_mask(labels, reach))):
        if mask.any():
            # Where most of it lies in one box: the boundary may run on both sides of the neck.
            dense = cv2.boxFilter(
                mask.astype(np.float32), -1, (side, side), normalize=False,
                borderType=cv2.BORDER_CONSTANT,
            )  # fmt: skip
            place = np.array(np.unravel_index(int(dense.argmax()), dense.shape), float)
            spots = np.argwhere(mask)
            for _ in range(SHIFTS):
                near = np.abs(spots - place).max(1) <= side / 2
                place = spots[near].mean(0) if near.any() else place
            y, x = place.round().astype(int)
            corner = [
                int(np.clip(c - side // 2, 0, n - side))
                for c, n in zip((x, y), labels.shape[::-1], strict=True)
            ]
            found[name] = Box(*corner, side)
    return found


def framed(image: np.ndarray, boxes: dict[str, Box]) -> np.ndarray:
    """An image with its boxes drawn in, and what lies in them enlarged to its right.

    Args:
        image: uint8 [H,W,3].
        boxes: of `zoom_boxes`.

    Returns:
        uint8 [H,W + H/2,3].
    """
    height = image.shape[0]
    half, line = height // 2, max(1, height // 200)
    drawn, zooms = image.copy(), []
    for name, color in COLORS.items():
        cell = np.full((half, half, 3), 255, np.uint8)
        if box := boxes.get(name):
            corner = box.x + box.side - 1, box.y + box.side - 1
            cv2.rectangle(drawn, (box.x, box.y), corner, color, line)
            cell = cv2.resize(box.cut(image), (half, half), interpolation=cv2.INTER_CUBIC)
            cv2.rectangle(cell, (0, 0), (half - 1, half - 1), color, 2 * line)
        zooms.append(cell)
    column = np.vstack(zooms)
    if column.shape[0] < height:
        column = np.pad(column, ((0, height - len(column)), (0, 0), (0, 0)), constant_values=255)
    return np.hstack([drawn, column])


def part_of(image: np.ndarray, render: np.ndarray, run: Run) -> np.ndarray:
    """The part of a true frame that a render shows.

    Args:
        image: the true frame, uint8 [H,W,3].
        render: uint8 [h,w,3].
        run: whose render it is.
    """
    if image.shape == render.shape:
        return image
    x, y, width, height = run.metrics["placement"]["box"]
    return image[y : y + height, x : x + width]


def on_clip(image: np.ndarray, run: Run, shape: tuple[int, ...]) -> np.ndarray:
    """A render at its place in the clip's frame; gray where it shows nothing.

    Args:
        image: uint8 [h,w,3].
        run: whose render it is.
        shape: of the clip's frames.
    """
    if image.shape == shape:
        return image
    x, y, width, height = run.metrics.get("placement", {}).get("box", (0, 0, 0, 0))
    if image.shape[:2] != (height, width):
        raise UserError(f"the render of {run.name} has not the size of its clip: make it anew.")
    canvas = np.full(shape, NOTHING, np.uint8)
    canvas[y : y + height, x : x + width] = image
    return canvas


if __name__ == "__main__":
    cli.run(draw_moments)
