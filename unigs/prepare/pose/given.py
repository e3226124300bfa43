"""Head poses that another system measured: the person's own face is fitted to them.

Nothing of the poses is changed, neither smoothed nor moved into another frame of the head. What is
tested is that they are poses of these pictures: a frame without a face that the other system left
out shifts all rows behind it, and what is off by one frame trains into a blur.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unigs.face import mesh
from unigs.face.shape import BIOCULAR_WIDTH, average_shape, rough_poses
from unigs.geometry.rigid import Camera, Poses, project
from unigs.prepare.pose.bundle_adjustment import reprojection, triangulate
from unigs.prepare.pose.gaps import bridge
from unigs.settings.pose import PoseSettings
from unigs.stage.errors import UserError
from unigs.subject.features import HeadPoses, Landmarks
from unigs.subject.frame_table import FrameTable
from unigs.subject.given import GivenPoses
from unigs.subject.series import evenly_spaced
from unigs.subject.trajectory import RigidTrajectory

SIZES = 0.6, 1.6
"""Smallest and largest width between the outer corners of the eyes, as a share of the mean adult's:
beyond, the poses are in another unit than meters."""
WORST = 0.06
"""Largest median distance of projected from detected landmarks, as a share of the face's width in
the picture, of poses that are of this face at all. Trackers reach .01 to .03."""
LAGS = np.arange(-5, 6)
"""Frames by which poses are tried before and behind the pictures."""
BLOCK = 100
"""Frames whose motion is compared at once."""
CLEARER = 0.5
"""Share of the difference in motion at lag 0 that another lag has to undercut."""
MOVES = 0.2
"""Least mean motion of a head in a block, pixels of 256 per frame, that tells lags apart."""


def keep_poses(
    points: np.ndarray, marks: Landmarks, given: GivenPoses, path: Path, table: FrameTable,
    settings: PoseSettings, unit: float,
) -> HeadPoses:  # fmt: skip
    """Given poses with the person's face, which is fitted to them.

    Args:
        points: landmarks [T,478,3], pixels, float64.
        marks: the same as read.
        given: the poses; frames without one are bridged.
        path: file of the poses, for messages.
        table: frame table of the clip, for its parts and training frames.
        settings: priors and sampling.
        unit: pixels of the clip that are one pixel of the settings.

    Raises:
        UserError: the poses are of another face, unit, size or frame than the pictures.
    """
    if given.size != marks.size:
        raise UserError(
            f"{path} is of pictures of {given.size} pixels, the clip has {marks.size}: they are "
            "not of one import."
        )
    robust, prior = settings.robust * unit, settings.shape_prior * unit**2
    # Test frames give no shape.
    usable = table.teaches, settings.shape_frames
    shape, errors = fit_face(points, marks.found, given, path, robust, prior, *usable)
    known, head = given.head.known, given.head
    if not known.all():
        seen = Poses(head.R[known].astype(np.float64), head.t[known].astype(np.float64))
        bridged = bridge(seen, known, table.starts)
        head = RigidTrajectory(
            np.where(known[:, None, None], head.R, bridged.R).astype(np.float32),
            np.where(known[:, None], head.t, bridged.t).astype(np.float32),
        )
    return HeadPoses(head, given.focal, marks.size, shape, errors, given.backend)


def fit_face(
    points: np.ndarray, found: np.ndarray, given: GivenPoses, path: Path, robust: float,
    prior: float, teaches: np.ndarray, frames: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The person's face mesh in the head's frame of given poses.

    Args:
        points: landmarks [T,478,3], pixels; NaN where no face was found.
        found: [T] bool, frames with a face.
        given: poses of the T frames.
        path: file of the poses, for messages.
        robust: residual in pixels beyond which a landmark loses weight.
        prior: pull toward the average face, see `triangulate`.
        teaches: [T] bool, frames that the mesh is fitted to, where they have face and pose.
        frames: largest number of them that are used.

    Returns:
        Vertices [468,3], meters, and root mean square distance of the projected from the detected
        rigid landmarks [T], pixels; NaN where no face was found or no pose is given.

    Raises:
        UserError: the poses are of another face, unit or frame than the pictures.
    """
    camera = Camera(given.focal, given.size / 2)
    poses = Poses(given.head.R.astype(np.float64), given.head.t.astype(np.float64))
    known = np.flatnonzero(found & given.head.known)
    shows = np.flatnonzero(found & given.head.known & teaches)
    if len(shows) < 3:
        raise UserError(f"only {len(shows)} training frames show a face and have a pose in {path}.")
    meshes = points[:, : mesh.VERTICES]
    sample = evenly_spaced(shows, frames)
    start = first_shape(meshes[sample], poses[sample], camera)
    shape = triangulate(
        start, meshes[sample][..., :2], poses[sample], camera, robust=robust, prior=prior
    )
    errors = np.full(len(points), np.nan)
    rigid = list(mesh.RIGID)
    seen = meshes[known][:, rigid, :2]
    errors[known] = reprojection(shape[rigid], seen, poses[known], camera)
    _check_face(shape, seen, errors[known], path)
    _check_lag(shape[rigid], meshes[:, rigid, :2], poses, camera, found & given.head.known, path)
    return shape, errors


def first_shape(meshes: np.ndarray, poses: Poses, camera: Camera) -> np.ndarray:
    """The average face, brought into the head's frame of given poses.

    Args:
        meshes: landmarks [n,468,3] of some frames, with depth.
        poses: given poses of these frames.
        camera: known intrinsics.

    Returns:
        Vertices [468,3] in the unit of the poses.
    """
    face, rigid = average_shape(meshes), list(mesh.RIGID)
    rough = rough_poses(face[rigid], meshes[:, rigid], camera)
    scale = np.median(poses.t[:, 2] / rough.t[:, 2])
    seen = scale * (face @ np.swapaxes(rough.R, 1, 2) + rough.t[:, None])
    return np.median((seen - poses.t[:, None]) @ poses.R, 0)


def _check_face(shape: np.ndarray, seen: np.ndarray, errors: np.ndarray, path: Path) -> None:
    corners = shape[[mesh.RIGHT_EYE_CORNERS[0], mesh.LEFT_EYE_CORNERS[0]]]
    ratio = np.linalg.norm(corners[1] - corners[0]) / BIOCULAR_WIDTH
    width = float(np.median(seen[..., 0].max(1) - seen[..., 0].min(1)))
    if not np.median(errors) < WORST * width:
        raise UserError(
            f"{path}: the poses put the landmarks {np.median(errors):.1f} pixels beside where they "
            "are seen, so they are not of this face, or in other axes: import poses of these "
            "pictures."
        )
    if not SIZES[0] < ratio < SIZES[1]:
        raise UserError(
            f"{path}: by the poses the face is {100 * ratio:.0f} % as large as an adult's: they "
            "are in another unit than meters, or the focal length is another one."
        )


def _check_lag(
    rigid: np.ndarray, pixels: np.ndarray, poses: Poses, camera: Camera, known: np.ndarray,
    path: Path,
) -> None:  # fmt: skip
    """Refuse poses whose motion is that of the pictures some frames before or behind."""
    lags = pose_lags(project(rigid, poses, camera), pixels, known, 2 * camera.center / 256)
    late = [k for k in range(len(lags) - 1) if lags[k] and lags[k] == lags[k + 1]]
    if late:
        lag = int(lags[late[0]])
        side = "behind" if lag > 0 else "ahead of"
        raise UserError(
            f"{path}: from about frame {late[0] * BLOCK} on the poses are {abs(lag)} frames {side} "
            "the pictures: a frame without a face, left out where the poses were measured, shifts "
            "all rows behind it; measure them anew without that frame in the video."
        )


def pose_lags(
    projected: np.ndarray, pixels: np.ndarray, known: np.ndarray, unit: float
) -> np.ndarray:
    """By how many frames the motion of poses is behind that of the pictures, block by block.

    Args:
        projected: rigid landmarks [T,P,2] by the poses, pixels.
        pixels: the same as detected.
        known: [T] bool, frames that have both.
        unit: pixels of the pictures that are one of a picture of 256.

    Returns:
        Lag of each whole block, frames, int; 0 also where the motion does not tell.
    """
    moved = [
        np.diff(np.where(known[:, None], x.mean(1), np.nan), axis=0) for x in (projected, pixels)
    ]
    lags = []
    for first in range(0, len(known) - BLOCK + 1, BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(known) - 1))
        rows = rows[(rows + LAGS[0] >= 0) & (rows + LAGS[-1] < len(known) - 1)]
        off = np.stack([moved[0][rows + lag] - moved[1][rows] for lag in LAGS])
        good = np.isfinite(off).all((0, 2))
        speed = np.linalg.norm(moved[1][rows][good], axis=1)
        if good.sum() < BLOCK // 2 or speed.mean() < MOVES * unit:
            lags.append(0)
            continue
        energy = np.square(off[:, good]).sum((1, 2))
        best = int(energy.argmin())
        clear = energy[best] < CLEARER * energy[LAGS == 0][0]
        lags.append(int(LAGS[best]) if clear else 0)
    return np.array(lags, int)
