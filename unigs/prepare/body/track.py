"""track_body: how the torso moves by itself, as a second frame beside the head's.

The torso is only partly a function of the head pose. Its pixels are registered to one reference
frame by a map of the image plane (ECC, OpenCV): shift and turn, or as a choice a change of width
and height as well. At the head's depth the map becomes a motion of the body's frame,
camera = R x + t, whose R is the map times the head's rotation in the reference frame. In the
reference frame the body's frame is the head's. How far the arms stand out beside the body's frame
is measured by `unigs.prepare.body.outline`.
"""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np

from unigs.media.gaussian import smooth_parts
from unigs.media.video import read_video
from unigs.prepare.body.outline import Silhouette
from unigs.settings.body import BodySettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.progress import progress
from unigs.subject.features import HeadPoses, TorsoMotion
from unigs.subject.frame_table import read_frame_table
from unigs.subject.labels import TORSO, read_labels
from unigs.subject.series import fill_gaps
from unigs.subject.trajectory import AffineTrajectory

log = logging.getLogger("unigs")

ALWAYS = 0.9
"""A pixel is registered if it shows torso in this share of the frames."""
ECC_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
"""ECC stops after 40 iterations, or when the correlation gains less than 1e-4."""
MODELS = {"euclidean": cv2.MOTION_EUCLIDEAN, "affine": cv2.MOTION_AFFINE}
ECC_BLUR = 5
"""Side of the Gaussian that ECC smooths both images with, pixels."""
ROOM = 0.1
"""Share of the picture's side by which the registered box reaches beyond the torso."""
REST = np.array([1.0, 0, 0, 1, 0, 0])
"""Motion of a torso that rests: affine map a, b, c, d ([[a, b], [c, d]]) and shift x, y."""


def track_body(
    video: Path, labels: Path, frame_table: Path, pose: Path, out: Path, settings: BodySettings
) -> None:
    """Follow the torso through the clip.

    Args:
        video: cropped clip.
        labels: label video of the clip.
        frame_table: frame table of the clip (.csv).
        pose: head poses of the clip (.npz).
        out: file to write (.npz): R [T,3,3], t [T,3] (camera = R x + t for a point x that is fixed
            to the torso, meters), outline [T,2] (how far the arms stand out, meters), correlation
            [T] (NaN: not registered), backend.
        settings: registration and smoothing.

    Raises:
        UserError: the files disagree in length.
    """
    cv2.setNumThreads(1)
    poses, table = HeadPoses.read(pose), read_frame_table(frame_table)
    table.check_rows(pose, poses)
    R, t = poses.head.R, poses.head.t
    keep = table.keep & poses.head.known
    # Test frames are followed as all others are, but say nothing of what is usual.
    usual = keep & table.teaches
    reference = reference_frame(R, t, usual)
    mask, silhouette = look_at_labels(labels, keep, usual, settings.size)
    rest = R[reference], t[reference]
    area = float((mask > 0).mean())
    if area < settings.min_area:
        log.info("torso covers %.1f %% of the picture: too little to register it", 100 * area)
        motion, correlation = np.tile(REST, (len(keep), 1)), np.full(len(keep), np.nan)
    else:
        motion, correlation = register(video, mask, reference, keep, usual, MODELS[settings.motion])
        motion = repair(motion, correlation, settings, table.parts)
    scale = poses.size / settings.size
    R, t = body_frame(motion, mask, scale, rest, poses.focal, poses.size)
    backend = "rest" if area < settings.min_area else "ecc"
    arms = silhouette.outline((R, t), rest[0], poses.focal, settings.smooth, table.parts)
    TorsoMotion(AffineTrajectory(R, t), arms, correlation, backend).write(out)
    log.info(
        "body: shift %.1f and %.1f px, width %.1f %%, height %.1f %%, arms %.1f and %.1f mm"
        " (standard deviations)",
        *motion[:, 4:].std(0) * scale, *100 * motion[:, [0, 3]].std(0), *1000 * arms.std(0),
    )  # fmt: skip


def reference_frame(R: np.ndarray, t: np.ndarray, usual: np.ndarray) -> int:
    """The frame among bool [T] whose head pose is nearest to their median pose."""
    features = np.concatenate([R.reshape(-1, 9) * 0.1, t], 1)
    distance = np.linalg.norm(features - np.median(features[usual], 0), axis=1)
    return int(np.where(usual, distance, np.inf).argmin())


def look_at_labels(
    labels: Path, keep: np.ndarray, usual: np.ndarray, size: int
) -> tuple[np.ndarray, Silhouette]:
    """One pass over the label video.

    Args:
        labels: label video.
        keep: [T] bool, frames that count.
        usual: [T] bool, those of them that say where the torso usually is.
        size: side of the mask in pixels.

    Returns:
        Pixels that show torso in nearly all usual frames, uint8 [size,size] of 0 and 255; and the
        person's silhouette.

    Raises:
        UserError: the video has another number of frames than `keep`.
    """
    share, used, count, silhouette = np.zeros((size, size)), 0, 0, Silhouette(keep, usual)
    for image in read_labels(labels):
        if count < len(keep):
            silhouette.add(image, count)
        if count < len(keep) and usual[count] and count % 4 == 0:
            torso = (image == TORSO).astype(np.float32)
            share += cv2.resize(torso, (size, size), interpolation=cv2.INTER_AREA)
            used += 1
        count += 1
    if count != len(keep):
        raise UserError(
            f"{labels} has {count} frames but the clip has {len(keep)}: run segment_regions anew."
        )
    mask = (share > ALWAYS * used).astype(np.uint8) * 255
    return cv2.erode(mask, np.ones((3, 3), np.uint8)), silhouette


def register(
    video: Path,
    mask: np.ndarray,
    reference: int,
    keep: np.ndarray,
    usual: np.ndarray,
    model: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Affine map of the torso from the reference frame to every frame.

    The search begins at the map of the frame before; in a usual frame at that of the usual one
    before.

    Args:
        video: clip.
        mask: torso, uint8 [S,S].
        reference: frame number.
        keep: [T] bool, frames that count.
        usual: [T] bool, those of them that depend on no frame but the usual ones.
        model: one of OpenCV's motion models.

    Returns:
        motion: [T,6], the map a, b, c, d and the shift (x, y) of the mask's center in pixels of
        the mask;
        correlation: [T], NaN where registration failed.
    """
    side = mask.shape[0]
    images = [
        cv2.cvtColor(cv2.resize(f, (side, side), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        for f in read_video(video)
    ]
    center = mask_center(mask)
    motion, correlation = np.tile(REST, (len(images), 1)), np.full(len(images), np.nan)
    # Of the reference frame only the torso's box is compared: less to do, and the same map.
    x, y, width, height = torso_box(mask)
    box = slice(y, y + height), slice(x, x + width)
    template, corner = images[reference][box], np.array([x, y])
    bar = progress(total=len(images), label="track body")
    orders = range(reference, len(images)), range(reference - 1, -1, -1)
    for order in orders:
        last = last_usual = np.column_stack([np.eye(2), corner]).astype(np.float32)
        for k in order:
            bar.update(1)
            if not keep[k]:
                continue
            start = (last_usual if usual[k] else last).copy()
            try:
                correlation[k], found = cv2.findTransformECC(
                    template, images[k], start, model, ECC_CRITERIA, mask, ECC_BLUR
                )
            except cv2.error:
                # ECC did not converge: this frame is interpolated, the next starts from the last.
                continue
            last, last_usual = found, found if usual[k] else last_usual
            motion[k, :4] = found[:, :2].ravel()
            motion[k, 4:] = found @ np.append(center - corner, 1.0) - center
    bar.close()
    return motion, correlation


def torso_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, width and height of a mask [S,S], with room for the torso to move."""
    room = max(ECC_BLUR, round(ROOM * len(mask)))
    x, y, width, height = cv2.boundingRect(mask)
    left, top = max(0, x - room), max(0, y - room)
    right, bottom = (min(len(mask), end + room) for end in (x + width, y + height))
    return left, top, right - left, bottom - top


def mask_center(mask: np.ndarray) -> np.ndarray:
    """Mean pixel (x, y) of a mask; the middle of the image if the mask is empty."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return np.array(mask.shape[::-1]) / 2.0
    return np.array([columns.mean(), rows.mean()])


def repair(
    motion: np.ndarray,
    correlation: np.ndarray,
    settings: BodySettings,
    parts: np.ndarray | None = None,
) -> np.ndarray:
    """Motion with unregistered frames interpolated, smoothed in time.

    Args:
        motion: [T,6], see `register`.
        correlation: [T], NaN where registration failed.
        settings: least correlation, smoothing.
        parts: number of every frame's part, int [T], within which both is done; None: all frames
            are one part.

    Returns:
        [T,6]; that of a torso at rest where fewer than two frames were registered.
    """
    good = np.nan_to_num(correlation, nan=-1.0) >= settings.min_correlation
    if good.sum() < 2:
        return np.tile(REST, (len(motion), 1))
    return smooth_parts(fill_gaps(motion, good, parts), settings.smooth, parts, "edge")


def body_frame(
    motion: np.ndarray,
    mask: np.ndarray,
    scale: float,
    rest: tuple[np.ndarray, np.ndarray],
    focal: float,
    size: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Image-plane motion as a motion in the camera, at the head's depth.

    Args:
        motion: [T,6], see `register`.
        mask: torso, uint8 [S,S].
        scale: image pixels per mask pixel.
        rest: head pose R [3,3], t [3] of the reference frame.
        focal: focal length of the clip in pixels.
        size: image size of the clip in pixels.

    Returns:
        R [T,3,3], t [T,3] float32.
    """
    R0, t0 = (np.asarray(x, np.float64) for x in rest)
    depth = t0[2]
    pivot = (mask_center(mask) * scale - size / 2) * depth / focal
    pivot = np.append(pivot, depth)
    shift = np.zeros((len(motion), 3))
    shift[:, :2] = motion[:, 4:] * scale * depth / focal
    plane = np.tile(np.eye(3), (len(motion), 1, 1))
    plane[:, :2, :2] = motion[:, :4].reshape(-1, 2, 2)
    R = plane @ R0
    t = plane @ (t0 - pivot) + pivot + shift
    return R.astype(np.float32), t.astype(np.float32)


if __name__ == "__main__":
    cli.run(track_body)
