"""Region labels: which part of the portrait a pixel shows, as a lossless label video."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from unigs.media.video import VideoWriter, probe, read_video
from unigs.stage.errors import UserError

BACKGROUND, FACE, MOUTH, HAIR, TORSO = range(5)
"""Labels, the values of a label image."""
NAMES = ("background", "face", "mouth", "hair", "torso")
"""Names of the labels, by value."""
COLORS = np.array(
    [[0, 0, 0], [240, 170, 60], [220, 40, 60], [80, 90, 230], [60, 190, 110]], np.uint8
)
"""RGB in which pictures show the labels, by value; the background keeps its own colors."""


def write_labels(
    path: Path, labels: Iterable[np.ndarray], width: int, height: int, fps: float, backend: str = ""
) -> None:
    """Write label images, uint8 [H,W] of 0..4, as a gray ffv1 video.

    Args:
        path: file to write (.mkv).
        labels: the images.
        width: of the images in pixels.
        height: of the images in pixels.
        fps: frames per second.
        backend: name of the method that found them, kept in the file; empty: none.
    """
    options = {"quality": "lossless", "gray": True, "comment": backend or None}
    with VideoWriter(path, width, height, fps, **options) as writer:
        for image in labels:
            writer.write(image)


def labels_backend(path: Path) -> str:
    """Name of the method that found the labels of a file; empty where the file does not say.

    Raises:
        UserError: the file cannot be read.
    """
    return probe(path).comment


def read_labels(path: Path) -> Iterator[np.ndarray]:
    """Stream label images, uint8 [H,W] of 0..4.

    Raises:
        UserError: the file cannot be read, or its pictures are no labels.
    """
    for number, image in enumerate(read_video(path, gray=True)):
        if image.max() >= len(NAMES):
            raise UserError(
                f"{path} is no label video: frame {number} holds the value {image.max()}, labels "
                f"are 0 to {len(NAMES) - 1}; run segment_regions."
            )
        yield image


def overlay(frame: np.ndarray, labels: np.ndarray, strength: float = 0.5) -> np.ndarray:
    """Tint a frame [H,W,3] by its labels [H,W], for contact sheets."""
    tint = frame * (1 - strength) + COLORS[labels] * strength
    return np.where(labels[..., None] > 0, tint, frame).astype(np.uint8)
