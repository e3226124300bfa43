"""Numbered pictures of a folder, and the colors of their regions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unigs.exchange.lineage.layout import (
    BACKGROUND_COLOR,
    CLOTH_COLOR,
    HAIR_COLOR,
    HEAD_COLOR,
    MOUTH_COLOR,
    NECK_COLOR,
    ON_PLATE,
    PARSING,
    TRUE_PICTURES,
)
from unigs.media.images import first_missing, read_image
from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.subject.labels import BACKGROUND, FACE, HAIR, MOUTH, TORSO

NAMED = 5
"""Missing pictures whose numbers are told."""
NAME = re.compile(r"(\d+)\.(jpg|jpeg|png)")
BEST = [cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111]
"""JPEG of quality 100 with colors at full resolution."""
LABEL_OF = {
    BACKGROUND_COLOR: BACKGROUND,
    HEAD_COLOR: FACE,
    NECK_COLOR: TORSO,
    CLOTH_COLOR: TORSO,
    MOUTH_COLOR: MOUTH,
    HAIR_COLOR: HAIR,
}
"""Color of `parsing` -> label of the pipeline."""
COLOR_OF = np.array([BACKGROUND_COLOR, HEAD_COLOR, MOUTH_COLOR, HAIR_COLOR, CLOTH_COLOR], np.uint8)
"""RGB of each label in what is given out."""


@dataclass(frozen=True)
class Pictures:
    """The pictures of a folder, numbered from 0 on without a hole."""

    folder: Path
    """Where they lie."""
    paths: tuple[Path, ...]
    """Their files, in order."""
    size: int
    """Width and height, pixels."""

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def coding(self) -> str:
        """JPEG or PNG."""
        return "PNG" if self.paths[0].suffix == ".png" else "JPEG"

    def read(self, side: int) -> Iterator[np.ndarray]:
        """Stream the pictures, uint8 RGB [side,side,3].

        Raises:
            UserError: one cannot be read, or has another size than the first.
        """
        for path in self.paths:
            image = read_image(path)
            if image.shape[:2] != (self.size, self.size):
                height, width = image.shape[:2]
                raise UserError(
                    f"{path} is {width}x{height}, the first picture {self.size}x{self.size}: "
                    "all pictures must be of one size; make them anew."
                )
            yield scaled(image, side)


def find_pictures(folder: Path, name: str | None, fewest: int) -> Pictures:
    """The pictures of a folder of the layout.

    Args:
        folder: folder of the layout.
        name: its folder of pictures; None: those on the plate, else those as filmed.
        fewest: pictures that the poses name: numbers up to that must be there.

    Raises:
        UserError: there are none, a number is missing, or they are not square.
    """
    names = [name] if name else [ON_PLATE, TRUE_PICTURES]
    there = [folder / name for name in names if (folder / name).is_dir()]
    if not there:
        raise UserError(
            f"{folder} has no folder {' or '.join(names)} with pictures: check the path."
        )
    found = {}
    for path in sorted(there[0].iterdir()):
        if match := NAME.fullmatch(path.name):
            number = int(match[1])
            if number in found:
                raise UserError(f"{path} and {found[number]} have one number: take one away.")
            found[number] = path
    count = max([*found, fewest - 1]) + 1 if found else fewest
    if len(found) < count:
        raise UserError(_missing(there[0], found, count))
    height, width = read_image(found[0]).shape[:2]
    if height != width or width % 2:
        raise UserError(
            f"{found[0]} is {width}x{height}: pictures must be square, of an even number of pixels."
        )
    return Pictures(there[0], tuple(found[k] for k in range(count)), width)


def _missing(folder: Path, found: dict[int, Path], count: int) -> str:
    """What to say where pictures are missing."""
    lacking = count - len(found)
    missing = first_missing(found, range(count), NAMED)
    if found and missing == [0] and lacking == 1:
        return (
            f"{folder} begins with picture 1 ({found[1].name}): the layout counts from 0; number "
            "the pictures anew (ffmpeg -start_number 0)."
        )
    some = ", ".join(map(str, missing)) + (", ..." if lacking > NAMED else "")
    return (
        f"{folder} lacks {lacking} of {count} pictures ({some}): their numbers must go from "
        f"0 to {count - 1} without a hole, since row k of every file is picture k; extract them "
        "anew."
    )


def check_poses(pictures: Pictures, count: int, source: str) -> None:
    """Refuse poses that end before the pictures do: a frame without a face has shifted them.

    The lineage's tracker numbers the frames in which it found landmarks one after the other.

    Args:
        pictures: the pictures.
        count: number of the last picture with a pose, plus one.
        source: what gives the poses, for the message.

    Raises:
        UserError: there are more pictures than poses.
    """
    if count >= len(pictures):
        return
    marks = pictures.folder.parent / TRUE_PICTURES
    bare = [k for k in range(len(pictures)) if not (marks / f"{k}.lms").is_file()]
    late = ""
    if 0 < len(bare) < len(pictures):
        late = f" (picture {bare[0]} has no landmarks, {bare[0]}.lms)"
    raise UserError(
        f"{source} give poses for pictures 0 to {count - 1}, but {pictures.folder} has "
        f"{len(pictures)}: where no face was found{late} the tracker goes on with the next "
        "picture, and every later pose is shifted against pictures, sound and action units; take "
        "those pictures out of the video and make the folder anew."
    )


def scaled(image: np.ndarray, side: int, nearest: bool = False) -> np.ndarray:
    """A square picture scaled to a side: by area when shrinking, bicubic when enlarging.

    Args:
        image: uint8 [H,W] or [H,W,3].
        side: pixels.
        nearest: take the nearest pixel instead, for labels.
    """
    if image.shape[0] == side:
        return image
    method = cv2.INTER_AREA if image.shape[0] > side else cv2.INTER_CUBIC
    method = cv2.INTER_NEAREST if nearest else method
    return cv2.resize(image, (side, side), interpolation=method)


def write_jpeg(path: Path, image: np.ndarray) -> None:
    """Write a uint8 RGB picture [H,W,3] as JPEG of the best quality."""
    with atomic(path) as temporary:
        temporary.write_bytes(cv2.imencode(".jpg", image[..., ::-1], BEST)[1])


def write_rgba(path: Path, image: np.ndarray, alpha: np.ndarray) -> None:
    """Write a uint8 RGB picture [H,W,3] with its opacity [H,W] as PNG."""
    with atomic(path) as temporary:
        pixels = np.dstack([image[..., ::-1], alpha])
        temporary.write_bytes(cv2.imencode(".png", pixels)[1])


def read_parsing(folder: Path, pictures: Pictures, side: int) -> Iterator[np.ndarray]:
    """Stream the region labels that `parsing` gives, uint8 [side,side].

    Raises:
        UserError: a file is missing, of another size, or of colors that tell no hair.
    """
    hair = 0
    for number in range(len(pictures)):
        path = folder / PARSING / f"{number}.png"
        colors = read_image(path)
        if colors.shape[:2] != (pictures.size, pictures.size):
            raise UserError(f"{path} has another size than the pictures: make it anew.")
        codes = colors.astype(np.int32) @ np.array([65536, 256, 1])
        labels = np.full(codes.shape, 255, np.uint8)
        for color, label in LABEL_OF.items():
            labels[codes == np.array(color) @ np.array([65536, 256, 1])] = label
        if (labels == 255).any():
            raise UserError(
                f"{path} holds a color that is no region of the layout: the pictures of parsing "
                "are stored without loss (.png); make them anew, or take --regions ours."
            )
        hair += int((labels == HAIR).sum())
        yield scaled(labels, side, nearest=True)
    if not hair:
        raise UserError(
            f"{folder / PARSING} shows no hair: in the colors of AD-NeRF and ER-NeRF hair is head, "
            "which says too little; take --regions ours."
        )
