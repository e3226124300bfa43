"""Lips in the frame of the face: free of pose and size, at any time between frames."""

import numpy as np
import pytest

from tests.support import astronaut, lip_models
from tests.support.face_points import FRAMES, moving_points
from unigs.evaluate.lip_view import FIRST, SECOND, Face, LipView, judges, mesh_points
from unigs.settings.evaluate import LipJudgeSettings
from unigs.stage.errors import UserError

OPENING = 6 + 4 * np.sin(np.arange(FRAMES))
"""What `moving_points` opens the mouth by, px."""


def turned(points, seed=3):
    """The same face, each frame turned about all axes, scaled and shifted."""
    rng, out = np.random.default_rng(seed), np.empty(points.shape, np.float64)
    for k, face in enumerate(points):
        q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        q *= np.sign(np.linalg.det(q))
        out[k] = rng.uniform(0.5, 2) * face @ q + rng.normal(0, 50, 3)
    return out


def test_pose_and_size_do_not_change_what_is_seen():
    points = moving_points()
    face = Face.of(FIRST, points)
    straight, other = face.view(points), face.view(turned(points))
    assert np.allclose(straight.points, other.points)
    assert np.corrcoef(straight.opening, OPENING)[0, 1] > 0.9999
    assert np.allclose(straight.opening * face.size, OPENING, rtol=1e-4)
    corners = points[:, [61, 291]]
    apart = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)
    assert np.allclose(straight.width * face.size, apart)


def test_a_mirrored_face_is_no_turned_one():
    points = moving_points()
    mirrored = points * [-1, 1, 1]
    assert not np.allclose(Face.of(FIRST, points).view(mirrored).points[0], 0, atol=1e-3)
    assert np.abs(Face.of(FIRST, points).view(mirrored).points
                  - Face.of(FIRST, points).view(points).points).max() > 0.1  # fmt: skip


def test_both_judges_have_the_same_twenty_points():
    assert len(FIRST.lips) == len(SECOND.lips) == 20
    view = LipView(np.zeros((1, 20, 2)))
    view.points[0, [0, 6]] = [[-3, 0], [3, 0]]
    view.points[0, [13, 14, 15], 1], view.points[0, [17, 18, 19], 1] = -1, 1
    assert view.opening[0] == 2 and view.width[0] == 6


def test_frames_without_a_face_are_unknown():
    points = moving_points()
    points[5] = np.nan
    view = Face.of(FIRST, points).view(points)
    assert np.flatnonzero(np.isnan(view.opening)).tolist() == [5]


def test_times_between_frames_are_between_their_lips():
    view = LipView(np.arange(6.0)[:, None, None] * np.ones((6, 20, 2)))
    rows = np.array([0, 2.25, 5, 5.01, -0.5])
    got = view.at(rows).points[:, 0, 0]
    assert got[:3].tolist() == [0, 2.25, 5] and np.isnan(got[3:]).all()
    view.points[4] = np.nan
    assert view.at(np.array([3.0, 3.5])).points[:, 0, 0].tolist()[0] == 3
    assert np.isnan(view.at(np.array([3.5])).points).all()


def test_the_judges_find_a_face_in_a_video(tmp_path):
    clip = astronaut.write_clip(
        tmp_path / "clip.mp4", lambda k: astronaut.placed(300, 300, 2 * k, 10), 5
    )
    points = mesh_points(clip, "clip", LipJudgeSettings())
    where = astronaut.landmarks()[:, :2]
    for k in range(5):
        assert np.abs(points[k, :, :2] - where - [2 * k, 10]).mean() < 2
    weights = lip_models.write_lip_models(tmp_path / "models") / "face-landmarks-68.safetensors"
    named = LipJudgeSettings(landmarks_model=str(weights))
    (first, look), (second, look_too) = judges(named, "cpu")
    assert (first, second) == (FIRST, SECOND) and look(clip, points) is points
    assert look_too(clip, points).shape == (5, 68, 2)
    with pytest.raises(UserError, match="has 5 frames instead of 4"):
        look_too(clip, points[:4])
    assert [judge for judge, _ in judges(LipJudgeSettings(landmarks_model=""), "cpu")] == [FIRST]
