"""Image files, folders of them, and contact sheets: many pictures in one, with captions."""

from collections.abc import Container
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from unigs.stage.errors import UserError
from unigs.stage.files import atomic


def tile(images: list[np.ndarray], columns: int, gap: int = 2) -> np.ndarray:
    """Put uint8 images [H,W,3] of one shape in a grid, row by row, on white."""
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    sheet = np.full(shape, 255, np.uint8)
    for index, image in enumerate(images):
        y, x = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[y : y + height, x : x + width] = image
    return sheet


def caption(image: np.ndarray, text: str) -> np.ndarray:
    """A copy of an image uint8 [H,W,3] with `text` in the upper left corner."""
    image = image.copy()
    scale = max(0.35, image.shape[1] / 700)
    for color, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(
            image, text, (4, int(32 * scale)), cv2.FONT_HERSHEY_SIMPLEX, scale, color, thickness,
            cv2.LINE_AA,
        )  # fmt: skip
    return image


def first_missing(found: Container[int], numbers: range, most: int) -> list[int]:
    """The first of some numbers of pictures that were not found.

    A file's name may hold any number: all that are missing could fill the memory.

    Args:
        found: numbers that were found.
        numbers: numbers that are wanted.
        most: length of the list at most.
    """
    return list(islice((number for number in numbers if number not in found), most))


def read_image(path: Path) -> np.ndarray:
    """Read an image file as uint8 RGB [H,W,3].

    Raises:
        UserError: the file is missing or no image.
    """
    try:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error:  # a header that claims more pixels than OpenCV takes
        image = None
    if image is None:
        raise UserError(f"{path} is missing or not an image: make it anew.")
    return np.ascontiguousarray(image[..., ::-1])


def write_png(path: Path, image: np.ndarray) -> None:
    """Write a uint8 RGB [H,W,3] or gray [H,W] image; the folder is made if needed."""
    pixels = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])
    with atomic(path) as temporary:
        # OpenCV writes without looking whether the disk takes it.
        temporary.write_bytes(cv2.imencode(".png", pixels)[1])
