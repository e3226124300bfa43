"""A performance: what it selects, what lies between its frames, how it is read."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.support.subject import subject_files, write_features, write_table
from unigs.stage.errors import UserError
from unigs.subject.frame_table import read_frame_table
from unigs.subject.performance import Performance, read_performance
from unigs.subject.trajectory import AffineTrajectory, RigidTrajectory


def test_motion_between_frames_is_the_shortest_way():
    rotation = Rotation.from_rotvec([[0, 0, 0], [0, 0.4, 0], [0.2, 0, 0]]).as_matrix()
    head = RigidTrajectory(rotation, np.arange(9.0).reshape(3, 3))
    stretch = np.eye(3) * np.array([1.0, 1.2, 1.4])[:, None, None]
    torso = AffineTrajectory(stretch, np.arange(9.0, 18.0).reshape(3, 3))
    outline, eyes = np.arange(6.0).reshape(3, 2), np.arange(18.0).reshape(3, 6)
    between = Performance(head, torso, outline, eyes).at(np.array([0.0, 0.25, 2.0]))
    R, t, eyes = between.head.R, between.head.t, between.eyes
    np.testing.assert_allclose(between.torso.t, t + 9)
    np.testing.assert_allclose(between.torso.R[1], 1.05 * np.eye(3), atol=1e-6)
    np.testing.assert_allclose(between.outline, [[0, 1], [0.5, 1.5], [4, 5]])
    np.testing.assert_allclose(Rotation.from_matrix(R[1]).as_rotvec(), [0, 0.1, 0], atol=1e-6)
    np.testing.assert_allclose(t[1], [0.75, 1.75, 2.75])
    np.testing.assert_allclose(eyes[2], np.arange(12, 18))
    np.testing.assert_allclose(R[2], rotation[2], atol=1e-6)
    assert R.dtype == t.dtype == eyes.dtype == np.float32
    assert between.speech is None and len(between) == 3


def made_up(frames: int = 12) -> Performance:
    rng = np.random.default_rng(0)
    R = Rotation.from_rotvec(rng.normal(0, 0.1, (frames, 3))).as_matrix().astype(np.float32)
    t, resting = rng.normal(0, 1, (2, frames, 3)).astype(np.float32)
    arms, eyes = (rng.random((frames, n)).astype(np.float32) for n in (2, 7))
    speech = rng.random((frames, 3, 4)).astype(np.float32)
    head, torso = RigidTrajectory(R, t), AffineTrajectory(R[::-1].copy(), resting)
    return Performance(head, torso, arms, eyes, speech)


def numbers(performance: Performance) -> list[np.ndarray]:
    p = performance
    return [p.head.R, p.head.t, p.torso.R, p.torso.t, p.outline, p.eyes, p.speech]


@pytest.mark.parametrize("frames", [slice(2, 7), np.array([5, 0, 5]), np.arange(12) % 3 == 0])
def test_selecting_frames_selects_the_rows_of_every_part(frames):
    whole = made_up()
    chosen = whole[frames]
    assert len(chosen) == len(np.arange(12)[frames])
    for part, rows in zip(numbers(chosen), numbers(whole), strict=True):
        np.testing.assert_array_equal(part, rows[frames])


def test_what_is_not_there_stays_away():
    head = made_up().head
    alone = Performance(head)
    for part in (alone[2:4], alone.at(np.array([0.5]))):
        assert part.torso is part.outline is part.eyes is part.speech is None


def test_positions_on_frames_give_these_frames():
    whole = made_up()
    same = whole.at(np.arange(12.0))
    for part, rows in zip(numbers(same)[:-1], numbers(whole)[:-1], strict=True):
        np.testing.assert_allclose(part, rows, atol=2e-6)


def test_a_single_frame_is_everywhere():
    one = made_up()[3:4].at(np.zeros(4))
    np.testing.assert_allclose(one.head.R, np.repeat(made_up().head.R[3:4], 4, 0))
    np.testing.assert_allclose(one.torso.t, np.repeat(made_up().torso.t[3:4], 4, 0))


def test_what_is_read_is_what_was_written(tmp_path):
    wanted, files = made_up(), subject_files(tmp_path)
    write_table(files.frame_table, 12)
    write_features(
        files, 12, head=(wanted.head.R, wanted.head.t), torso=(wanted.torso.R, wanted.torso.t),
        outline=wanted.outline, eyes=np.round(wanted.eyes, 4), speech=wanted.speech,
    )  # fmt: skip
    table = read_frame_table(files.frame_table)
    read = read_performance(table, files.pose, files.body, files.eyes, files.speech)
    for part, rows in zip(numbers(read), numbers(wanted), strict=True):
        assert part.dtype == np.float32
        np.testing.assert_allclose(part, rows, atol=1e-4)
    bare = read_performance(table, files.pose)
    assert bare.torso is bare.eyes is bare.speech is None


@pytest.mark.parametrize("name", ["pose", "body", "eyes", "speech"])
def test_a_file_of_another_length_is_named_with_both_numbers(tmp_path, name):
    files = subject_files(tmp_path / "one")
    write_table(files.frame_table, 12)
    write_features(files, 12)
    other = subject_files(tmp_path / "other")
    write_features(other, 11)
    mixed = replace(files, **{name: getattr(other, name)})
    short = getattr(other, name).name
    with pytest.raises(UserError, match=rf"other.{short} has 11 rows but .*frames.csv has 12"):
        read_performance(
            read_frame_table(files.frame_table), mixed.pose, mixed.body, mixed.eyes, mixed.speech
        )
