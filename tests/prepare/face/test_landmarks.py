"""Landmarks: the right face is followed, lost frames are NaN, groups are what their names say."""

import numpy as np
import pytest

from tests.support import astronaut
from unigs.face import mesh
from unigs.face.angles import head_angles
from unigs.face.follow import choose_box
from unigs.prepare.face.landmarks import detect_landmarks
from unigs.settings.landmarks import LandmarkSettings
from unigs.stage.errors import UserError
from unigs.stage.files import load_npz

SIZE = 320
SETTINGS = LandmarkSettings()


def test_groups_are_those_of_mediapipe():
    pytest.importorskip("mediapipe.python.solutions", reason="only 0.10.14 tells its groups")
    from mediapipe.python.solutions import face_mesh_connections as mediapipe

    for name, theirs in {
        "LIPS": "LIPS", "RIGHT_EYE": "RIGHT_EYE", "LEFT_EYE": "LEFT_EYE", "FACE_OVAL": "FACE_OVAL",
        "RIGHT_BROW": "RIGHT_EYEBROW", "LEFT_BROW": "LEFT_EYEBROW", "RIGHT_IRIS": "RIGHT_IRIS",
        "LEFT_IRIS": "LEFT_IRIS",
    }.items():  # fmt: skip
        edges = getattr(mediapipe, f"FACEMESH_{theirs}")
        assert set(getattr(mesh, name)) == {index for edge in edges for index in edge}
    moving = {*mesh.LIPS, *mesh.RIGHT_EYE, *mesh.LEFT_EYE, *mesh.FACE_OVAL}
    assert not moving & set(mesh.RIGID)


@pytest.mark.parametrize("ring", ["LIPS_OUTER", "LIPS_INNER", "RIGHT_EYE", "LEFT_EYE", "FACE_OVAL"])
def test_rings_run_once_around(ring):
    """A ring in order has a far shorter outline than the same points in another order."""
    indices = list(getattr(mesh, ring))
    assert len(indices) == len(set(indices))
    points = astronaut.landmarks()[indices, :2]

    def outline(corners):
        return np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1).sum()

    hull = np.ptp(points, axis=0).sum() * 2
    assert outline(points) < 1.1 * hull
    assert outline(points[np.random.default_rng(0).permutation(len(points))]) > 1.5 * hull


def test_upper_lines_lie_above_lower_ones_and_right_is_the_images_left():
    points = astronaut.landmarks()
    for upper, lower in (
        (mesh.RIGHT_UPPER_LID, mesh.RIGHT_LOWER_LID),
        (mesh.LEFT_UPPER_LID, mesh.LEFT_LOWER_LID),
        (mesh.UPPER_LIP_INNER, mesh.LOWER_LIP_INNER),
        (mesh.RIGHT_BROW_UPPER, mesh.RIGHT_BROW_LOWER),
        (mesh.LEFT_BROW_UPPER, mesh.LEFT_BROW_LOWER),
    ):
        middle = slice(1, -1)
        assert (points[list(upper), 1][middle] < points[list(lower), 1][middle]).all()
        assert (np.diff(points[list(upper), 0]) > 0).mean() > 0.8
    right, left = points[list(mesh.RIGHT_EYE), 0], points[list(mesh.LEFT_EYE), 0]
    assert right.max() < left.min()
    assert mesh.CHIN == 152 and points[mesh.CHIN, 1] > points[mesh.NOSE_TIP, 1]


def test_head_angles_follow_a_known_rotation():
    points = astronaut.landmarks().astype(float)
    points = points - points.mean(0)
    before = head_angles(points)
    yaw, pitch = np.radians(20), np.radians(-12)
    turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array(
        [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]]
    )
    # A face at depth z < 0 that turns to the image's right moves its nose to larger x.
    turned = points @ turn.T
    assert turned[mesh.NOSE_TIP, 0] > points[mesh.NOSE_TIP, 0]
    assert head_angles(turned)[0] - before[0] == pytest.approx(20, abs=1.5)
    nodded = points @ nod.T
    direction = np.sign(nodded[mesh.NOSE_TIP, 1] - points[mesh.NOSE_TIP, 1])
    assert head_angles(nodded)[1] - before[1] == pytest.approx(12 * direction, abs=1.5)


def test_the_larger_and_more_central_box_is_chosen():
    near = np.array([160.0, 160.0])
    central, edge = [130, 130, 60, 60], [270, 10, 66, 66]
    chosen = choose_box(np.array([edge, central], float), near, reach=80)
    np.testing.assert_array_equal(chosen, central)
    large, small = [40, 100, 120, 120], [150, 150, 30, 30]
    chosen = choose_box(np.array([small, large], float), near, reach=80)
    np.testing.assert_array_equal(chosen, large)


def place(k):
    """Corner and scale of the face in frame k; it teleports at frame 24."""
    if k < 24:
        return 30 + 1.5 * k, 40 + 6 * np.sin(k / 4), 0.8
    return 120 - 0.5 * k, 90.0, 0.6


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A face that moves, is gone in frames 12 to 15, teleports at 24; a small one at the edge."""

    def frame(k):
        image = astronaut.placed(SIZE, SIZE, 200, 10, 0.4)  # at the edge, smaller
        if 12 <= k < 16:
            return np.full_like(image, 100)
        x, y, scale = place(k)
        return astronaut.placed(SIZE, SIZE, x, y, scale, canvas=image)

    path = tmp_path_factory.mktemp("landmarks") / "clip.mp4"
    return astronaut.write_clip(path, frame, 40)


def test_the_face_is_followed_found_again_and_never_confused(clip, tmp_path):
    detect_landmarks(clip, tmp_path / "face.npz", SETTINGS)
    arrays = load_npz(tmp_path / "face.npz", "points", "found", "size", "backend")
    points, found = arrays["points"], arrays["found"]
    assert points.shape == (40, 478, 3) and points.dtype == np.float32
    assert int(arrays["size"]) == SIZE and "mediapipe" in str(arrays["backend"])
    gone = np.arange(40)[~found]
    np.testing.assert_array_equal(gone, [12, 13, 14, 15])
    assert np.isnan(points[gone]).all()
    still = astronaut.landmarks()
    for k in np.flatnonzero(found):
        x, y, scale = place(k)
        truth = still[:468, :2] * scale + [x, y]
        error = np.linalg.norm(points[k, :468, :2] - truth, axis=1)
        assert np.median(error) < 2.0, k  # the face is about 70 px wide
        depth = points[k, :468, 2] / scale
        assert np.corrcoef(depth, still[:468, 2])[0, 1] > 0.9


def test_no_face_or_no_video_is_said(tmp_path):
    wall = np.full((64, 64, 3), 90, np.uint8)
    path = astronaut.write_clip(tmp_path / "wall.mp4", lambda k: wall, 5)
    with pytest.raises(UserError, match="wall.mp4 shows no face"):
        detect_landmarks(path, tmp_path / "face.npz", SETTINGS)
    with pytest.raises(UserError, match="gone.mp4 does not exist"):
        detect_landmarks(tmp_path / "gone.mp4", tmp_path / "face.npz", SETTINGS)
    assert not (tmp_path / "face.npz").exists()
