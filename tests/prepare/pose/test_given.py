"""Poses of another system are kept, and must be those of the pictures; the face is fitted."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.prepare.pose.test_fit import CAMERA, FACE, SIZE, observe, smooth_motion
from tests.support.subject import write_table
from unigs.geometry.rigid import Poses
from unigs.prepare.pose.fit import fit_pose
from unigs.settings.pose import PoseSettings
from unigs.stage.errors import UserError
from unigs.subject.features import HeadPoses, Landmarks
from unigs.subject.given import GivenPoses
from unigs.subject.trajectory import RigidTrajectory

FRAMES = 400
TURN = Rotation.from_rotvec([0.05, -0.04, 0.02]).as_matrix()
SHIFT = np.array([0.004, -0.02, 0.03])
"""Another frame of the head than ours: x of it is TURN x + SHIFT of `FACE`."""


def theirs(truth: Poses) -> Poses:
    """The same motion of the frame that another system gives the head."""
    R = truth.R @ TURN.T
    return Poses(R, truth.t - R @ SHIFT)


def run(tmp_path, poses: Poses, points: np.ndarray, focal: float = CAMERA.focal) -> HeadPoses:
    found = np.isfinite(points[:, 0, 0])
    Landmarks(points.astype(np.float32), found, SIZE, "test").write(tmp_path / "landmarks.npz")
    write_table(tmp_path / "frames.csv", len(points))
    given = GivenPoses(RigidTrajectory(poses.R, poses.t), focal, SIZE, "theirs, as given")
    given.write(tmp_path / "poses.npz")
    settings = PoseSettings(shape_frames=40)
    files = (tmp_path / name for name in ("landmarks.npz", "frames.csv", "pose.npz"))
    fit_pose(*files, settings, tmp_path / "poses.npz")
    return HeadPoses.read(tmp_path / "pose.npz")


@pytest.fixture(scope="module")
def truth() -> Poses:
    return smooth_motion(FRAMES)


@pytest.fixture(scope="module")
def points(truth) -> np.ndarray:
    return observe(truth)


def test_poses_are_kept_and_the_face_is_fitted_to_them(tmp_path, truth, points):
    given = theirs(truth)
    made = run(tmp_path, given, points)
    np.testing.assert_array_equal(made.head.R, given.R.astype(np.float32))
    np.testing.assert_array_equal(made.head.t, given.t.astype(np.float32))
    off = np.linalg.norm(made.shape - (FACE @ TURN.T + SHIFT), axis=1)
    assert np.median(off) < 0.001 and np.nanmedian(made.reprojection) < 0.5
    assert made.focal == CAMERA.focal and made.backend == "theirs, as given"


def test_frames_without_a_pose_are_bridged(tmp_path, truth, points):
    given = theirs(truth)
    given.R[50:53], given.t[50:53] = np.nan, np.nan
    points = points.copy()
    points[200:220] = np.nan
    made = run(tmp_path, given, points)
    assert np.isfinite(made.head.R).all() and np.isfinite(made.head.t).all()
    before, after = given.t[49], given.t[53]
    np.testing.assert_allclose(made.head.t[51], (before + after) / 2, atol=1e-6)
    # The pose of a frame without a face is theirs, and there is no distance to tell.
    np.testing.assert_array_equal(made.head.R[210], given.R[210].astype(np.float32))
    assert np.isnan(made.reprojection[[51, 210]]).all()


@pytest.mark.parametrize("lag", [1, 2, -1])
def test_rows_that_are_shifted_from_some_frame_on_are_found(tmp_path, truth, points, lag):
    """A missing face: the poses behind it are early (or the pictures are)."""
    given = theirs(truth)
    rows = np.arange(FRAMES)
    rows[150:] = np.clip(rows[150:] + lag, 0, FRAMES - 1)
    side = "ahead of" if lag > 0 else "behind"
    sentence = f"from about frame [12]00 on the poses are {abs(lag)} frames {side} the pictures"
    with pytest.raises(UserError, match=sentence):
        run(tmp_path, given[rows], points)
    assert not (tmp_path / "pose.npz").exists()


def test_poses_of_another_clip_are_found(tmp_path, points):
    other = theirs(smooth_motion(FRAMES, turn=-25.0))
    with pytest.raises(UserError, match="pixels beside where they are seen, so they are not of"):
        run(tmp_path, other, points)


def test_another_unit_is_found(tmp_path, truth, points):
    given = theirs(truth)
    with pytest.raises(UserError, match=r"the face is (9|1\d)\d\d % as large as an adult's"):
        run(tmp_path, Poses(given.R, 10 * given.t), points)


def test_a_head_that_rests_tells_no_lag(tmp_path):
    still = Poses(np.tile(np.eye(3), (300, 1, 1)), np.tile([0, 0, 0.7], (300, 1)))
    yaw = np.radians(4) * np.sin(np.arange(300) / 60)
    still.R[:] = Rotation.from_rotvec(yaw[:, None] * [0, 1, 0]).as_matrix()
    made = run(tmp_path, still, observe(still))
    assert len(made) == 300
