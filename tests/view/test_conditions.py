"""A condition that is changed has the new value, and nothing else has."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from tests.support.portraits import one_frame, portrait, rotations
from unigs.playback.cues import cues
from unigs.subject.features import FACE_UNITS
from unigs.subject.performance import Performance
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory
from unigs.view.conditions import STEP, changed, controls_of, numbers_of

FRAMES = 7
RNG = np.random.default_rng(0)
LIPS = RNG.normal(size=(FRAMES, 3)).astype(np.float32)


@pytest.fixture
def clip():
    def t():
        return RNG.normal(0, 0.05, (FRAMES, 3)).astype(np.float32) + np.float32([0, 0, 0.6])

    R = rotations(FRAMES, limit=0.5).numpy()
    torso = rotations(FRAMES, seed=1, limit=0.4).numpy() * np.float32([[1.02], [0.97], [1.0]])
    return Performance(
        RigidTrajectory(R, t()),
        AffineTrajectory(torso, t()),
        RNG.normal(0, 0.01, (FRAMES, 2)).astype(np.float32),
        RNG.uniform(0, 5, (FRAMES, 7)).astype(np.float32),
        np.zeros((FRAMES, 9, 5), np.float32),
    )


def test_a_frame_that_nobody_changes_is_the_same_object(clip):
    performance, lips = changed(clip[2:3], LIPS[2:3], {})
    assert performance.head.R.base is clip.head.R and lips.base is LIPS


def test_every_number_can_be_changed_by_itself(clip):
    one, code = clip[4:5], LIPS[4:5]
    own = numbers_of(one, code)
    assert {group for group, _ in own} == {"lips", "eyes", "head", "torso"}
    assert [name for group, name in own if group == "eyes"] == list(FACE_UNITS)
    assert [name for group, name in own if group == "lips"] == ["opening", "width", "shape 1"]
    for key, value in own.items():
        new = numbers_of(*changed(one, code, {key: value[0] + 0.7}))
        for other, before in own.items():
            wanted = before[0] + 0.7 * (other == key)
            assert new[other][0] == pytest.approx(wanted, abs=2e-4), (key, other)


def test_several_numbers_change_together(clip):
    held = {("head", "turn"): 11.0, ("head", "z"): 55.0, ("torso", "tilt"): -3.0}
    new = numbers_of(*changed(clip[1:2], None, held))
    assert {key: round(float(new[key][0]), 3) for key in held} == held


def test_a_smile_is_moved_as_a_blink_is():
    """A portrait that was trained with AU12 takes a frame whose units somebody moved."""
    made, one = portrait(eyes=7), one_frame(eyes=torch.arange(7.0) / 2)
    [before] = cues(made, one)
    for name in ("AU12", "AU45"):
        [after] = cues(made, changed(one, None, {("eyes", name): 0.5})[0])
        assert not torch.equal(after.shapes, before.shapes)


def test_what_the_frame_lacks_is_passed_over():
    bare = Performance(RigidTrajectory(np.eye(3)[None], np.zeros((1, 3))))
    performance, lips = changed(bare, None, {("lips", "opening"): 1.0, ("torso", "x"): 2.0})
    assert lips is None and performance.torso is None


def test_angles_are_turns_about_known_axes():
    """A head that looks straight ahead has angles of zero; turn is about the vertical axis."""
    R = np.stack([np.eye(3), Rotation.from_euler("y", 20, degrees=True).as_matrix()])
    found = numbers_of(Performance(RigidTrajectory(R, np.zeros((2, 3)))), None)
    np.testing.assert_allclose(found["head", "turn"], [0, 20], atol=1e-9)
    for name in ("nod", "tilt"):
        np.testing.assert_allclose(found["head", name], 0, atol=1e-9)


def test_a_torso_that_is_tilted_turns_in_the_image_plane(clip):
    """Its affine part, a shoulder that looks narrower, is turned and not lost."""
    one = clip[3:4]
    before = numbers_of(one, None)["torso", "tilt"][0]
    performance, _ = changed(one, None, {("torso", "tilt"): before + 12})
    turn = Rotation.from_euler("z", 12, degrees=True).as_matrix()
    np.testing.assert_allclose(performance.torso.R[0], turn @ one.torso.R[0], atol=1e-6)


def test_ranges_are_those_of_the_frames_that_count(clip):
    clip.eyes[5] = 100
    clip.head.t[0] = np.nan
    usable = ~np.isin(np.arange(FRAMES), [0, 5])
    numbers = numbers_of(clip, LIPS)
    controls = controls_of(numbers, usable)
    assert {control.key for control in controls} == set(numbers)
    for control in controls:
        seen = numbers[control.key][usable]
        assert control.low <= seen.min() < control.low + STEP
        assert control.high - STEP < seen.max() <= control.high


def test_what_never_moves_gets_no_slider(clip):
    clip.eyes[:, 2] = 1.5
    keys = {control.key for control in controls_of(numbers_of(clip, None), np.ones(FRAMES, bool))}
    assert ("eyes", FACE_UNITS[2]) not in keys and ("eyes", FACE_UNITS[1]) in keys
