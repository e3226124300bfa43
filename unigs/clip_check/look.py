"""Hair, torso and background of a few frames, by the regions of the preparation."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from unigs.clip_check.figures import ClipFigures
from unigs.face.mesh import CHIN, FOREHEAD
from unigs.media.video import VideoWriter, read_video
from unigs.prepare.regions.segment import segment_regions
from unigs.settings.regions import RegionSettings
from unigs.subject.features import Landmarks
from unigs.subject.frame_table import JUMP_CUT, TRAIN, FrameTable
from unigs.subject.labels import BACKGROUND, HAIR, TORSO, read_labels
from unigs.subject.series import evenly_spaced

SAMPLES = 40
"""Frames whose regions are found."""
LOW_TIP = 0.98
"""Quantile of the hair's pixels, from top to bottom, at which hair counts as ending: single strands
and specks lie below."""
EDGE = 0.05
"""Share of the window's top or bottom row that shows hair where hair leaves the window."""
RIM = 9
"""Pixels around the person that do not count as background."""


def look_at_regions(
    figures: ClipFigures, clip: Path, marks: Landmarks, usable: np.ndarray, folder: Path
) -> None:
    """Measure hair, torso and background.

    Args:
        figures: filled in.
        clip: the clip that was cut.
        marks: its landmarks.
        usable: numbers of frames that count, at least SAMPLES.
        folder: scratch folder.
    """
    chosen = evenly_spaced(usable, SAMPLES)
    images = sampled(clip, chosen, folder / "sample.mkv")
    points = marks.points[chosen]
    landmarks, table = folder / "sample.npz", folder / "sample.csv"
    Landmarks(points, np.ones(len(chosen), bool), marks.size, marks.backend).write(landmarks)
    # Frames far apart: a cut before each keeps its neighbors' evidence out.
    count = len(chosen)
    cuts, train = np.full(count, JUMP_CUT, object), np.full(count, TRAIN)
    FrameTable(table, np.arange(count) / 25, np.ones(count, bool), cuts, train).write()
    labels = folder / "sample_labels.mkv"
    segment_regions(
        folder / "sample.mkv", landmarks, table, labels, folder / "plate.png", folder / "hole.png",
        RegionSettings(),
    )  # fmt: skip
    regions = np.stack(list(read_labels(labels)))
    figures.hair_reach, figures.hair_below = hair_length(regions, points)
    hair = regions == HAIR
    figures.hair_cut_off = float((hair[:, 1].mean(1) > EDGE).mean())
    figures.hair_goes_on = float((hair[:, -2].mean(1) > EDGE).mean())
    figures.torso = float((regions == TORSO).mean())
    figures.background = background_change(images, regions)


def sampled(clip: Path, chosen: np.ndarray, out: Path) -> np.ndarray:
    """Some frames of a clip, uint8 [n,H,W,3], which are also written without loss.

    Args:
        clip: the clip.
        chosen: numbers of the frames, ascending.
        out: video to write (.mkv).
    """
    wanted = set(chosen.tolist())
    images = [image for k, image in enumerate(read_video(clip)) if k in wanted]
    height, width = images[0].shape[:2]
    with VideoWriter(out, width, height, 25, "lossless") as writer:
        for image in images:
            writer.write(image)
    return np.stack(images)


def hair_length(regions: np.ndarray, points: np.ndarray) -> tuple[float | None, float | None]:
    """How far hair reaches below the chin, and which share of it lies there.

    Args:
        regions: labels uint8 [n,H,W].
        points: landmarks [n,478,3] of the same frames, pixels.

    Returns:
        Heights of the face (chin to hairline), median over the frames; share of the pixels. None
        where no frame shows hair.
    """
    reach, below = [], []
    for labels, face in zip(regions, points, strict=True):
        rows, columns = np.nonzero(labels == HAIR)
        if not len(rows):
            continue
        # Along the face, so that a tilted head has no longer hair on one side.
        down = (face[CHIN] - face[FOREHEAD])[:2]
        height = float(np.linalg.norm(down))
        along = (np.stack([columns, rows], 1) - face[CHIN, :2]) @ (down / height) / height
        reach.append(np.quantile(along, LOW_TIP))
        below.append((along > 0).mean())
    if not reach:
        return None, None
    return float(np.median(reach)), float(np.median(below))


def background_change(images: np.ndarray, regions: np.ndarray) -> float | None:
    """Median change of the background between neighboring samples, gray levels.

    Args:
        images: frames uint8 [n,H,W,3], seconds apart.
        regions: their labels uint8 [n,H,W].

    Returns:
        None where hardly any background is seen.
    """
    grays = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in images]
    rim = np.ones((RIM, RIM), np.uint8)
    walls = [cv2.erode((labels == BACKGROUND).astype(np.uint8), rim) > 0 for labels in regions]
    changes = []
    for k in range(1, len(grays)):
        both = walls[k - 1] & walls[k]
        if both.mean() > 0.01:
            changes.append(float(np.abs(grays[k] - grays[k - 1])[both].mean()))
    return float(np.median(changes)) if changes else None
