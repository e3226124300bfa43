"""fit_pose against known poses of a made-up face."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.support.subject import write_table
from tests.support.synthetic_face import face_vertices, landmarks
from unigs.face import mesh
from unigs.face.shape import BIOCULAR_WIDTH
from unigs.geometry.rigid import Camera, Poses, project, rotation, rotation_vector
from unigs.geometry.similarity import similarity
from unigs.prepare.pose.bundle_adjustment import reprojection, triangulate
from unigs.prepare.pose.fit import bridge, fit_landmarks, fit_pose, jitter
from unigs.settings.pose import PoseSettings
from unigs.stage.errors import UserError
from unigs.subject.features import HeadPoses, Landmarks

SIZE = 256
CAMERA = Camera(2.0 * SIZE, SIZE / 2)
FACE = face_vertices()


def smooth_motion(frames: int, turn: float = 25.0) -> Poses:
    """A head that looks about: yaw to +-turn degrees, some pitch, roll and sway."""
    time = np.arange(frames) / 25
    yaw, pitch = turn * np.sin(1.7 * time), 12 * np.sin(2.3 * time + 1)
    angles = np.column_stack([yaw, pitch, 5 * np.sin(1.1 * time)])
    R = Rotation.from_euler("yxz", angles, degrees=True).as_matrix()
    t = [0.03 * np.sin(0.9 * time), 0.01 * np.cos(1.3 * time), 0.7 + 0.03 * np.sin(0.7 * time)]
    return Poses(R, np.stack(t, -1))


def observe(poses: Poses, noise: float = 0.3, seed: int = 1) -> np.ndarray:
    """Landmarks [T,478,3] of the face with noise in pixels and a rough, biased depth."""
    rng = np.random.default_rng(seed)
    pixels = project(FACE, poses, CAMERA)
    pixels += rng.normal(0, noise, pixels.shape)
    seen = FACE @ np.swapaxes(poses.R, 1, 2)
    depth = 0.85 * seen[..., 2] * CAMERA.focal / poses.t[:, None, 2]
    return landmarks(pixels, depth + rng.normal(0, 1.0, depth.shape))


def fit(points: np.ndarray, starts: np.ndarray | None = None, **changes: object) -> dict:
    found = np.isfinite(points[:, 0, 0])
    starts = np.zeros(len(points), bool) if starts is None else starts
    settings = PoseSettings(**{"shape_frames": 40} | changes)
    return fit_landmarks(points, found, np.ones(len(points), bool), SIZE, starts, settings)


def errors(result: HeadPoses, truth: Poses) -> tuple[np.ndarray, np.ndarray]:
    """Degrees and meters off in each frame after one global similarity of the head frame."""
    scale, G, shift = similarity(result.shape.astype(float), FACE)
    R = result.head.R @ G.T
    t = scale * result.head.t - (R @ shift)
    angle = np.degrees(np.linalg.norm(rotation_vector(R @ np.swapaxes(truth.R, 1, 2)), axis=1))
    return angle, np.linalg.norm(t - truth.t, axis=1)


def test_rotations_agree_with_scipy():
    vectors = np.random.default_rng(0).normal(0, 1, (50, 3))
    vectors[0], vectors[1] = 0, (1e-9, 0, 0)
    matrices = rotation(vectors)
    np.testing.assert_allclose(matrices, Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12)
    np.testing.assert_allclose(
        rotation_vector(matrices), Rotation.from_matrix(matrices).as_rotvec(), atol=1e-9
    )


def test_similarity_recovers_a_known_transform():
    source = np.random.default_rng(0).normal(size=(20, 3))
    R = Rotation.from_rotvec([0.3, -0.5, 1.0]).as_matrix()
    scale, turn, shift = similarity(source, 2.5 * source @ R.T + [1, 2, 3])
    assert scale == pytest.approx(2.5)
    np.testing.assert_allclose(turn, R, atol=1e-12)
    np.testing.assert_allclose(shift, [1, 2, 3], atol=1e-12)
    mirrored = source * [1, 1, -1]
    assert np.linalg.det(similarity(source, mirrored)[1]) == pytest.approx(1)


def test_poses_and_shape_are_recovered():
    truth = smooth_motion(100)
    result = fit(observe(truth))
    angle, distance = errors(result, truth)
    assert np.median(angle) < 0.5 and angle.max() < 2.5
    assert np.median(distance) < 0.01
    # Noise of 0.3 px on both axes is 0.42 px of distance: the fit is no worse than the noise.
    assert np.sqrt(np.mean(result.reprojection**2)) < 0.45
    scale, G, shift = similarity(result.shape.astype(float), FACE)
    aligned = scale * result.shape @ G.T + shift
    rigid = list(mesh.RIGID)
    assert np.sqrt(((aligned - FACE)[rigid] ** 2).sum(-1).mean()) < 0.003


def test_head_frame_is_metric_and_right_way_round():
    shape = fit(observe(smooth_motion(60))).shape
    right, left = shape[mesh.RIGHT_EYE_CORNERS[0]], shape[mesh.LEFT_EYE_CORNERS[0]]
    assert np.linalg.norm(left - right) == pytest.approx(BIOCULAR_WIDTH, rel=1e-4)
    assert left[0] > right[0] and shape[mesh.CHIN][1] > shape[mesh.FOREHEAD][1]
    assert shape[mesh.NOSE_TIP][2] < right[2]  # the face looks to -z


def test_outliers_hardly_matter():
    truth, rng = smooth_motion(100), np.random.default_rng(3)
    points = observe(truth)
    for frame in points:  # every tenth landmark is anywhere
        wrong = rng.choice(478, 48, replace=False)
        frame[wrong, :2] += rng.normal(0, 15, (48, 2))
    angle, distance = errors(fit(points), truth)
    assert np.median(angle) < 0.8 and np.median(distance) < 0.01


def test_smoothness_cuts_jitter_and_keeps_the_motion():
    truth, starts = smooth_motion(120), np.zeros(120, bool)
    points = observe(truth, noise=0.8)
    shaky, calm = fit(points, smooth=0.0), fit(points)

    def bend(result: HeadPoses) -> float:
        return jitter(result.head.R, result.head.t, result.shape, result.focal, starts)

    assert bend(calm) < 0.6 * bend(shaky)
    rms = [np.sqrt(np.mean(r.reprojection**2)) for r in (calm, shaky)]
    assert rms[0] < 1.05 * rms[1]
    assert np.median(errors(calm, truth)[0]) <= np.median(errors(shaky, truth)[0])


def two_shots() -> tuple[Poses, np.ndarray]:
    """Two shots of one head, 20 degrees and 3 cm apart."""
    poses, starts = smooth_motion(80, turn=5), np.zeros(80, bool)
    turn = Rotation.from_euler("y", 20, degrees=True).as_matrix()
    poses.R[40:] = turn @ poses.R[40:]
    poses.t[40:, 0] += 0.03
    starts[40] = True
    return poses, starts


def test_nothing_is_smoothed_across_a_jump_cut():
    truth, starts = two_shots()
    points = observe(truth)
    broken, unbroken = fit(points, starts, smooth=1.0), fit(points, smooth=1.0)
    near = slice(38, 42)
    told, untold = errors(broken, truth)[0][near].max(), errors(unbroken, truth)[0][near].max()
    assert told < 1.0 < untold


def test_missing_frames_are_bridged_and_flagged():
    truth = smooth_motion(100)
    points = observe(truth)
    points[40:46] = np.nan
    points[97:] = np.nan
    result = fit(points)
    assert np.isnan(result.reprojection[40:46]).all()
    assert np.isfinite(result.reprojection[:40]).all()
    assert np.isfinite(result.head.R).all() and np.isfinite(result.head.t).all()
    angle, _ = errors(result, truth)
    assert angle[40:46].max() < 4.0  # the head turns 10 degrees meanwhile
    assert angle[97:].max() < 6.0


def test_a_shot_without_any_face_hangs_on_to_its_neighbours():
    truth, starts = two_shots()
    starts[60] = True
    points = observe(truth)
    points[60:] = np.nan
    result = fit(points, starts)
    assert np.isfinite(result.head.t).all() and np.isnan(result.reprojection[60:]).all()
    assert np.linalg.norm(result.head.t[60:] - result.head.t[59], axis=1).max() < 0.05


def test_a_frame_on_another_face_counts_as_unseen():
    truth = smooth_motion(80)
    points = observe(truth)
    points[30, :, :2] = np.random.default_rng(0).uniform(0, SIZE, (478, 2))
    result = fit(points)
    assert np.isnan(result.reprojection[30])
    assert errors(result, truth)[0][30] < 3.0


def test_image_size_does_not_change_the_poses():
    points = observe(smooth_motion(60))
    small = fit(points)
    found, starts = np.ones(60, bool), np.zeros(60, bool)
    settings, every = PoseSettings(shape_frames=40), np.ones(len(points), bool)
    large = fit_landmarks(points * 2, found, every, 2 * SIZE, starts, settings)
    np.testing.assert_allclose(large.head.R, small.head.R, atol=1e-4)
    np.testing.assert_allclose(large.head.t, small.head.t, atol=1e-4)
    np.testing.assert_allclose(large.reprojection, 2 * small.reprojection, rtol=1e-3)


def test_moving_points_land_on_their_mean_place():
    poses = smooth_motion(100)
    point = np.array([[0.01, 0.05, -0.03]])
    swing = 0.004 * np.sin(np.arange(100))[:, None, None] * [[0, 1, 0]]
    seen = np.stack([project(p, poses[[i]], CAMERA)[0] for i, p in enumerate(point + swing)])
    place = triangulate(point + 0.01, seen, poses, CAMERA, robust=1.0, prior=1e-4)
    np.testing.assert_allclose(place, point, atol=0.0015)


def test_bridge_turns_evenly():
    R = Rotation.from_euler("y", [[0], [30]], degrees=True).as_matrix()
    seen = np.array([True, False, False, True, False])
    t = np.array([[0.0, 0, 1], [0.3, 0, 1]])
    poses = bridge(Poses(R, t), seen, np.zeros(5, bool))
    yaw = Rotation.from_matrix(poses.R).as_euler("yxz", degrees=True)[:, 0]
    np.testing.assert_allclose(yaw, [0, 10, 20, 30, 30], atol=1e-9)
    np.testing.assert_allclose(poses.t[:, 0], [0, 0.1, 0.2, 0.3, 0.3], atol=1e-12)


def test_reprojection_skips_what_is_missing():
    poses = smooth_motion(3)
    pixels = project(FACE, poses, CAMERA)
    pixels[0, :, 0] += 3
    pixels[1, 5:] = np.nan
    pixels[2] = np.nan
    got = reprojection(FACE, pixels, poses, CAMERA)
    np.testing.assert_allclose(got, [3, 0, np.nan], atol=1e-9)


def test_the_stage_writes_what_the_next_ones_read(tmp_path):
    points, out = observe(smooth_motion(40)).astype(np.float32), tmp_path / "face/pose.npz"
    write_inputs(tmp_path, points, 40)
    fit_pose(tmp_path / "landmarks.npz", tmp_path / "frames.csv", out, PoseSettings())
    pose = HeadPoses.read(out)
    assert pose.head.R.shape == (40, 3, 3) and pose.head.t.shape == (40, 3)
    assert pose.shape.shape == (468, 3) and pose.focal == 512.0
    np.testing.assert_allclose(
        pose.head.R @ np.swapaxes(pose.head.R, 1, 2), np.tile(np.eye(3), (40, 1, 1)), atol=1e-5
    )


def test_test_frames_give_no_shape_and_smooth_no_other_pose(tmp_path):
    points = observe(smooth_motion(60)).astype(np.float32)
    shapes = []
    for wider in (1.0, 1.02):
        # Another face in the test frames, but too much like this one to count as unseen.
        points[55:, :, 0] = SIZE / 2 + wider * (points[55:, :, 0] - SIZE / 2)
        write_inputs(tmp_path, points, 60)
        files = (tmp_path / name for name in ("landmarks.npz", "frames.csv", "pose.npz"))
        fit_pose(*files, PoseSettings(shape_frames=60))
        shapes.append(HeadPoses.read(tmp_path / "pose.npz"))
    np.testing.assert_allclose(shapes[1].shape, shapes[0].shape, atol=1e-6)
    np.testing.assert_allclose(shapes[1].head.t[:54], shapes[0].head.t[:54], atol=1e-6)
    np.testing.assert_allclose(shapes[1].head.R[:54], shapes[0].head.R[:54], atol=1e-6)
    assert np.abs(shapes[1].head.t[55:] - shapes[0].head.t[55:]).max() > 1e-3


def write_inputs(folder, points: np.ndarray, rows: int) -> None:
    found = np.isfinite(points[:, 0, 0])
    Landmarks(points, found, SIZE, "test").write(folder / "landmarks.npz")
    write_table(folder / "frames.csv", rows)


def test_wrong_inputs_are_named(tmp_path):
    points = observe(smooth_motion(10))
    write_inputs(tmp_path, points, 9)
    arguments = (tmp_path / "landmarks.npz", tmp_path / "frames.csv", tmp_path / "pose.npz")
    with pytest.raises(UserError, match="landmarks.npz has 10 rows but .*frames.csv has 9 frames"):
        fit_pose(*arguments, PoseSettings())
    points[2:] = np.nan
    write_inputs(tmp_path, points, 10)
    with pytest.raises(UserError, match="only 2 training frames show a face, .* look at the clip"):
        fit_pose(*arguments, PoseSettings())
    assert not (tmp_path / "pose.npz").exists()
