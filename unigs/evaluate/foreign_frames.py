"""Frames of another system's render: of a video, or of a folder of pictures."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unigs.media.images import first_missing, read_image
from unigs.media.video import probe, read_video
from unigs.stage.errors import UserError

NAMED = 3
"""Missing frames whose numbers are told."""
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
"""Endings of pictures in a folder of frames."""


def frames_of(render: Path, fps: float) -> Iterator[np.ndarray]:
    """Frames of a video at the clip's rate, or of a folder of pictures, uint8 RGB [h,w,3].

    Args:
        render: the video or the folder.
        fps: frames per second of the clip.

    Raises:
        UserError: a picture cannot be read, or has another size than the first.
    """
    if not Path(render).is_dir():
        same = abs(probe(render).fps - fps) < 0.01
        yield from read_video(render, fps=None if same else fps)
        return
    shape = None
    for path in pictures(render):
        image = read_image(path)
        shape = shape or image.shape
        if image.shape != shape:
            raise UserError(f"{path} has another size than the pictures before it: render anew.")
        yield image


def pictures(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their numbers; hidden files are none.

    Raises:
        UserError: there is none, two have one number, or a number is missing between the first and
            the last.
    """
    found = {}
    for path in sorted(Path(folder).iterdir()):
        digits = path.stem[len(path.stem.rstrip("0123456789")) :]
        # macOS puts a file ._NAME beside NAME on disks that are not its own.
        if path.suffix.lower() not in PICTURES or not digits or path.name.startswith("."):
            continue
        twin = found.setdefault(int(digits), path)
        if twin is not path:
            raise UserError(
                f"{folder} holds {twin.name} and {path.name}, two pictures of one number: leave "
                "only the render's pictures in it."
            )
    if not found:
        raise UserError(f"{folder} holds no pictures whose names end in numbers: render anew.")
    numbers = range(min(found), max(found) + 1)
    if lacking := len(numbers) - len(found):
        told = listed(first_missing(found, numbers, NAMED), lacking)
        raise UserError(f"{folder} lacks {told}, between others: render them.")
    return [found[number] for number in sorted(found)]


def size_of(render: Path) -> tuple[int, int]:
    """Width and height of a video's frames or of a folder's pictures, px."""
    if Path(render).is_dir():
        height, width = read_image(pictures(render)[0]).shape[:2]
        return width, height
    info = probe(render)
    return info.width, info.height


def frames_in(render: Path, fps: float) -> int:
    """Number of frames of a render at the clip's rate."""
    if Path(render).is_dir():
        return len(pictures(render))
    return sum(1 for _ in frames_of(render, fps))


def listed(numbers: list[int], count: int) -> str:
    """Frame numbers in words: up to `NAMED` of them, from the first on.

    Args:
        numbers: the first frames, or all.
        count: how many there are in all.
    """
    words = ", ".join(map(str, numbers[:NAMED]))
    more = "" if count <= NAMED else f" and {count - NAMED} more"
    return f"{'frame' if count == 1 else 'frames'} {words}{more}"
