"""fit_pose: where the head is in every frame, and the person's own face in meters.

The rigid landmarks of the face (no lips, lids, brows, outline) become 3D points of one person,
found together with the poses by robust bundle adjustment. A second pass tracks every frame with
a smoothness term that is broken between parts of the clip and interpolates frames without a face.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from unigs.face import mesh
from unigs.face.shape import average_shape, rough_poses, to_head_frame
from unigs.geometry.rigid import Camera, Poses
from unigs.geometry.similarity import similarity
from unigs.prepare.pose.bundle_adjustment import adjust_shape, reprojection, track, triangulate
from unigs.prepare.pose.gaps import bridge, cuts_between_seen
from unigs.prepare.pose.given import keep_poses
from unigs.prepare.pose.morphable_model import MorphableModel
from unigs.pretrained.weights import weights_name
from unigs.settings.pose import PoseSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.subject.features import HeadPoses, Landmarks
from unigs.subject.frame_table import read_frame_table
from unigs.subject.given import GivenPoses
from unigs.subject.series import evenly_spaced
from unigs.subject.trajectory import RigidTrajectory

log = logging.getLogger("unigs")

REFERENCE_SIZE = 256
"""Image size that the pixel units of the settings refer to."""


def fit_pose(
    landmarks: Path,
    frame_table: Path,
    out: Path,
    settings: PoseSettings,
    given: Path | None = None,
) -> None:
    """Fit head poses and face shape to landmarks.

    Args:
        landmarks: landmarks of the clip (.npz).
        frame_table: frame table of the clip (.csv), for its parts and training frames.
        out: file to write (.npz): R [T,3,3] and t [T,3] (x_cam = R x + t, meters), focal and size
            (pixels), shape [468,3] (meters), reprojection [T] (pixels; NaN: not seen), backend.
        settings: back-end, priors and smoothing.
        given: poses of an import (.npz), which are kept as they are: only the face is fitted.

    Raises:
        UserError: the files differ in length, hardly a frame shows a face, the model does not fit
            the settings, or the given poses are not of these pictures.
    """
    marks, table = Landmarks.read(landmarks), read_frame_table(frame_table)
    table.check_rows(landmarks, marks)
    points, starts = marks.points.astype(np.float64), table.starts
    if given is None:
        poses = fit_landmarks(points, marks.found, table.teaches, marks.size, starts, settings)
    else:
        theirs = GivenPoses.read(given)
        table.check_rows(given, theirs)
        unit = marks.size / REFERENCE_SIZE
        poses = keep_poses(points, marks, theirs, given, table, settings, unit)
    poses.write(out)
    seen = np.isfinite(poses.reprojection)
    log.info(
        "pose: %d of %d frames seen, reprojection %.3f px, jitter %.3f px",
        seen.sum(), len(seen), np.sqrt(np.nanmean(poses.reprojection**2)),
        jitter(poses.head.R, poses.head.t, poses.shape, poses.focal, starts),
    )  # fmt: skip


def fit_landmarks(
    points: np.ndarray, found: np.ndarray, teaches: np.ndarray, size: int, starts: np.ndarray,
    settings: PoseSettings,
) -> HeadPoses:  # fmt: skip
    """Fit poses and shape to landmarks [T,478,3].

    Args:
        points: x, y and relative depth in pixels, NaN where no face was found.
        found: [T] bool, frames with a face.
        teaches: [T] bool, frames that the shape is fitted to, where they show a face.
        size: width and height of the frames in pixels.
        starts: [T] bool, first frames of parts, across which nothing is smoothed.
        settings: back-end, priors and smoothing.

    Raises:
        UserError: fewer than 3 frames to fit the shape to show a face, or the model does not fit
            the settings.
    """
    if (found & teaches).sum() < 3:
        raise UserError(
            f"the landmarks of only {(found & teaches).sum()} training frames show a face, too few "
            "for a head pose: "
            "look at the clip and its crop, or choose another one."
        )
    unit = size / REFERENCE_SIZE
    camera, robust = Camera(settings.focal * size, size / 2), settings.robust * unit
    prior, smooth = settings.shape_prior * unit**2, settings.smooth * unit**2
    meshes = points[:, : mesh.VERTICES]
    pixels = np.where(found[:, None, None], meshes[..., :2], np.nan)
    known = np.flatnonzero(found)
    sample = evenly_spaced(np.flatnonzero(found & teaches), settings.shape_frames)
    guess = average_shape(meshes[sample])

    rigid, fitted = fit_shape(guess, meshes[sample], camera, robust, prior, settings)
    rough = rough_poses(fitted, meshes[known][:, rigid], camera)
    poses, seen = track_alone(
        fitted, pixels[:, rigid], rough, known, teaches, camera, robust, settings
    )
    pixels[~seen] = np.nan
    poses, cuts = bridge(poses, seen, starts), cuts_between_seen(starts, seen)
    free = settings.backend == "landmarks"
    for again in (True, False):
        poses = track(
            fitted, pixels[:, rigid], poses, camera, robust=robust, smooth=smooth, starts=cuts
        )
        if again and free:  # the shape once more, now from smooth poses
            fitted = triangulate(
                fitted, pixels[sample][:, rigid], poses[sample], camera, robust=robust, prior=prior
            )
    shape = whole_face(guess, rigid, fitted, pixels[sample], poses[sample], camera, robust, prior)
    if free:
        shape[rigid] = fitted
    shape, fitted, poses = canonical_gauge(shape, fitted, poses)
    return HeadPoses(
        RigidTrajectory(poses.R.astype(np.float32), poses.t.astype(np.float32)),
        float(np.float32(camera.focal)),
        size,
        shape.astype(np.float32),
        reprojection(fitted, pixels[:, rigid], poses, camera).astype(np.float32),
        settings.backend if free else f"{settings.backend} ({weights_name(settings.model)})",
    )


def fit_shape(
    guess: np.ndarray, meshes: np.ndarray, camera: Camera, robust: float, prior: float,
    settings: PoseSettings,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The rigid landmarks of the chosen back-end: their numbers [P] and positions [P,3] in meters.

    Args:
        guess: average face [468,3].
        meshes: landmarks [T,468,3] of sampled frames.
        camera: known intrinsics.
        robust: residual in pixels beyond which a landmark loses weight.
        prior: pull toward the guess, see `adjust_shape`.
        settings: back-end and model.
    """
    return BACKENDS[settings.backend](guess, meshes, camera, robust, prior, settings)


def own_shape(
    guess: np.ndarray, meshes: np.ndarray, camera: Camera, robust: float, prior: float,
    settings: PoseSettings,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Rigid landmarks whose positions are free; arguments and result as of `fit_shape`."""
    index = np.array(mesh.RIGID)
    poses = rough_poses(guess[index], meshes[:, index], camera)
    fitted, _ = adjust_shape(
        guess[index], meshes[:, index, :2], poses, camera, robust=robust, prior=prior
    )
    return index, fitted


def model_shape(
    guess: np.ndarray, meshes: np.ndarray, camera: Camera, robust: float, prior: float,
    settings: PoseSettings,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Rigid landmarks on a morphable model; arguments and result as of `fit_shape`."""
    return MorphableModel(settings.model).rigid_face(guess, meshes, camera, robust)


BACKENDS = {"landmarks": own_shape, "pca": model_shape}
"""Every source of the rigid face shape by the name that the setting pose.backend gives it."""


def track_alone(
    fitted: np.ndarray, pixels: np.ndarray, rough: Poses, known: np.ndarray, teaches: np.ndarray,
    camera: Camera, robust: float, settings: PoseSettings,
) -> tuple[Poses, np.ndarray]:  # fmt: skip
    """Poses of single frames, and which frames fit the face well enough to count as seen.

    Args:
        fitted: rigid points [P,3], meters.
        pixels: observations [T,P,2], NaN where missing.
        rough: first guess of the poses of the frames `known`.
        known: numbers of the frames whose landmarks were found.
        teaches: [T] bool, frames that say how well the face usually fits.
        camera: known intrinsics.
        robust: residual in pixels beyond which a landmark loses weight.
        settings: residual of an outlier.

    Returns:
        Poses of the seen frames, and [T] bool: which frames are seen.
    """
    alone = np.ones(len(known), bool)
    poses = track(fitted, pixels[known], rough, camera, robust=robust, smooth=0, starts=alone)
    errors = reprojection(fitted, pixels[known], poses, camera)
    good = errors <= settings.outlier * np.median(errors[teaches[known]])
    seen = np.zeros(len(pixels), bool)
    seen[known[good]] = True
    return poses[good], seen


def whole_face(
    guess: np.ndarray, rigid: np.ndarray, fitted: np.ndarray, pixels: np.ndarray, poses: Poses,
    camera: Camera, robust: float, prior: float,
) -> np.ndarray:  # fmt: skip
    """Robust position of all 468 vertices, meters; for vertices that move, the mean position.

    Args:
        guess: average face [468,3].
        rigid: numbers [P] of the rigid vertices.
        fitted: positions [P,3] of the rigid vertices, that the guess is aligned to.
        pixels: landmarks [T,468,2], NaN where missing.
        poses: T poses.
        camera: known intrinsics.
        robust: residual in pixels beyond which a landmark loses weight.
        prior: pull toward the guess, see `triangulate`.
    """
    scale, R, shift = similarity(guess[rigid], fitted)
    start = scale * guess @ R.T + shift
    return triangulate(start, pixels, poses, camera, robust=robust, prior=prior)


def canonical_gauge(
    shape: np.ndarray, fitted: np.ndarray, poses: Poses
) -> tuple[np.ndarray, np.ndarray, Poses]:
    """Move mesh and poses into the metric head frame; no projection changes."""
    scale, R, shift = to_head_frame(shape)
    turned = poses.R @ R.T
    moved = scale * poses.t - (turned @ shift)
    return scale * shape @ R.T + shift, scale * fitted @ R.T + shift, Poses(turned, moved)


def jitter(
    R: np.ndarray, t: np.ndarray, shape: np.ndarray, focal: float, starts: np.ndarray
) -> float:
    """Mean second difference in pixels of nose tip, forehead, chin and both temples, projected."""
    marks = [mesh.NOSE_TIP, mesh.FOREHEAD, mesh.CHIN, 234, 454]
    seen = shape[marks] @ np.swapaxes(R, 1, 2) + t[:, None]
    pixels = focal * seen[..., :2] / seen[..., 2:]
    bend = np.linalg.norm(pixels[2:] - 2 * pixels[1:-1] + pixels[:-2], axis=-1)
    same_shot = ~(starts[2:] | starts[1:-1])
    return float(bend[same_shot].mean()) if same_shot.any() else float("nan")


if __name__ == "__main__":
    cli.run(fit_pose)
