"""How far carriers of the detectors agree: python -m benchmarks.carriers VIDEO...

Each video is cut to 256x256, and its first frames are looked at by each carrier that there is,
as the stages do it. What it prints: distance of the landmarks from those of the first carrier, CPU
milliseconds per frame, and in how many frames boxes, hands and masks differ.
"""

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import numpy as np

from unigs.face.detectors import Detectors, open_detectors
from unigs.face.follow import FaceFollower
from unigs.media.video import read_video
from unigs.prepare.clip.crop import crop_clip
from unigs.settings.crop import CropSettings
from unigs.stage.errors import UserError

CARRIERS = ("mediapipe", "litert", "landmarker", "tasks")
"""Those that are compared, the one that the others are measured against first."""


def frames_of(video: Path, count: int, folder: Path) -> list[np.ndarray]:
    """The first frames of a video's clip, uint8 [256,256,3]."""
    clip = folder / f"{video.stem}.mp4"
    crop_clip(
        video, clip, folder / "crop.json", CropSettings(size=256), stop=max(count / 25, 5) + 1
    )
    return [np.ascontiguousarray(f) for f in itertools.islice(read_video(clip), count)]


def landmarks(carrier: Detectors, frames: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Landmarks [T,478,3] as detect_landmarks finds them, and CPU milliseconds per frame."""
    nothing = np.full((478, 3), np.nan, np.float32)
    with FaceFollower(carrier, confidence=0.5) as follower:
        started = time.process_time()
        found = [follower.find(frame) for frame in frames]
        spent = time.process_time() - started
    points = np.stack([nothing if points is None else points for points in found])
    return points, 1000 * spent / len(frames)


def others(carrier: Detectors, frames: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Faces and hands in each frame [T], and person masks [T/5,H,W] bool."""
    with carrier.boxes(confidence=0.6) as boxes, carrier.person() as person:
        with carrier.hands(static=False, confidence=0.5) as hands:
            return {
                "faces": np.array([len(boxes.find(frame)) for frame in frames]),
                "hands": np.array([len(hands.find(frame)) for frame in frames]),
                "person": np.array([person.find(frame) > 0.5 for frame in frames[::5]]),
            }


def compare(name: str, frames: list[np.ndarray]) -> None:
    """Print how each carrier's findings differ from the first one's."""
    first, known = None, None
    for carrier in CARRIERS:
        try:
            detectors = open_detectors(carrier)
            points, spent = landmarks(detectors, frames)
            rest = others(detectors, frames) if carrier in CARRIERS[:2] else None
        except UserError as error:
            print(f"{name} {carrier}: {error}")
            continue
        found = np.isfinite(points).all((1, 2)).sum()
        words = f"{name} {carrier}: {found} of {len(frames)} faces, {spent:.1f} ms per frame"
        if first is None:
            first, known = points, rest
            print(f"{words}; hands in {np.count_nonzero(rest['hands'])} frames")
            continue
        off = np.linalg.norm((points - first)[..., :2], axis=-1)
        middle, high = np.nanmedian(off), np.nanpercentile(off, 95)
        words += f", {middle:.3f} px median, {high:.3f} px 95 %, {np.nanmax(off):.2f} px at most"
        if rest is not None:
            for part in ("faces", "hands"):
                words += f"; {part} differ in {np.count_nonzero(rest[part] != known[part])} frames"
            words += f"; {(rest['person'] != known['person']).mean():.1e} of the mask's pixels"
        print(words)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="+", type=Path, metavar="VIDEO")
    parser.add_argument("--frames", type=int, default=100, help="frames of each (default 100)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for video in given.videos:
            compare(video.stem, frames_of(video, given.frames, Path(folder)))


if __name__ == "__main__":
    main()
