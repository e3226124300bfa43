"""Screening: what is marked, what is not, and that no frame ever changes its number."""

import numpy as np
import pandas as pd
import pytest

from tests.support import astronaut
from unigs.prepare.clip.screen import (
    fading,
    find_cuts,
    make_table,
    other_face,
    screen_clip,
    settle,
    turned,
)
from unigs.prepare.face.landmarks import detect_landmarks
from unigs.settings.landmarks import LandmarkSettings
from unigs.settings.screen import ScreenSettings
from unigs.stage.errors import UserError
from unigs.subject.features import Landmarks
from unigs.subject.frame_table import REASONS

SETTINGS = ScreenSettings()
SIZE = 192


def blocks_of(level, local=1.0, cells=64, seed=0):
    """Frame differences per block: noise around `level` [T], more in a fifth of the blocks."""
    rng = np.random.default_rng(seed)
    blocks = np.outer(level, np.ones(cells)) * rng.uniform(0.9, 1.1, (len(level), cells))
    blocks[:, : cells // 5] *= np.reshape(local, (-1, 1))
    return blocks


def test_faint_cuts_stand_out_of_steady_noise_and_nothing_else_does():
    level = 0.8 + 0.15 * np.sin(np.arange(300) / 15)
    level[[80, 200]] *= [2.4, 9.0]
    cuts = find_cuts(blocks_of(level), SETTINGS)
    np.testing.assert_array_equal(np.flatnonzero(cuts), [80, 200])


def test_a_blink_or_gesture_is_no_cut():
    level = np.full(300, 0.8)
    local = np.ones(300)
    local[[60, 150, 151]] = 20.0  # a fifth of the picture changes twenty times as much as usual
    assert not find_cuts(blocks_of(level, local), SETTINGS).any()


def test_a_head_that_starts_to_move_is_no_cut():
    level = np.full(200, 0.6)
    level[100:140] = 4.0
    assert not find_cuts(blocks_of(level), SETTINGS).any()


def test_video_that_repeats_frames_has_no_cuts_but_real_ones_are_found():
    level = np.where(np.arange(400) % 5 == 0, 3.0, 0.4)
    assert not find_cuts(blocks_of(level), SETTINGS).any()
    level[222] = 30.0
    np.testing.assert_array_equal(np.flatnonzero(find_cuts(blocks_of(level), SETTINGS)), [222])


def test_a_still_clip_has_no_cuts():
    assert not find_cuts(np.zeros((50, 64)), SETTINGS).any()


def test_marks_settle():
    marks = np.zeros(200, bool)
    marks[20] = True  # flicker
    marks[50:60] = marks[64:75] = True  # one event with a gap
    marks[120:130] = marks[160:170] = True  # two events
    settled = np.flatnonzero(settle(marks, 25.0, SETTINGS))
    expected = [*range(45, 80), *range(115, 135), *range(155, 175)]
    np.testing.assert_array_equal(settled, expected)
    assert not settle(np.zeros(10, bool), 25.0, SETTINGS).any()


def test_fades_are_marked_to_where_the_picture_is_itself():
    contrast = np.full(200, 60.0) + np.random.default_rng(0).normal(0, 1, 200)
    contrast[:40] *= np.linspace(0, 1, 40)
    contrast[100:110] *= 0.85  # a cloud
    faded = np.flatnonzero(fading(contrast, SETTINGS))
    assert faded[0] == 0 and 32 <= faded[-1] <= 37 and len(faded) == faded[-1] + 1


def turned_faces(yaws):
    """The portrait's landmarks turned about the vertical axis by degrees."""
    points = astronaut.landmarks().astype(float)
    points = points - points.mean(0)
    c, s = np.cos(np.radians(yaws)), np.sin(np.radians(yaws))
    zero = np.zeros_like(c)
    turn = np.stack([np.stack([c, zero, -s], -1), np.stack([zero, zero + 1, zero], -1),
                     np.stack([s, zero, c], -1)], -2)  # fmt: skip
    return points @ np.swapaxes(turn, -1, -2)


def test_a_large_turn_is_one_event_even_if_it_wavers_at_the_limit():
    yaws = np.zeros(300)
    yaws[100:140] = [44, 38] * 20
    yaws[200:220] = 30
    marks = turned(turned_faces(yaws), SETTINGS)
    np.testing.assert_array_equal(np.flatnonzero(marks), np.arange(100, 140))


def test_turns_are_measured_from_the_persons_usual_direction():
    yaws = np.full(100, 25.0)
    yaws[50:60] = -20.0
    assert np.flatnonzero(turned(turned_faces(yaws), SETTINGS)).tolist() == list(range(50, 60))
    lost = turned_faces(np.zeros(5))
    lost[2] = np.nan
    assert not turned(lost, SETTINGS).any()


def test_second_faces():
    own = astronaut.landmarks()
    low, high = own[:468, :2].min(0), own[:468, :2].max(0)
    mine = [*low, *(high - low), 0.9]
    width = high[0] - low[0]
    beside = [high[0] + width, low[1], 0.5 * width, 0.5 * width, 0.8]
    tiny = [high[0] + width, low[1], 0.2 * width, 0.2 * width, 0.8]
    assert not other_face(np.array([mine]), own, SETTINGS)
    assert other_face(np.array([mine, beside]), own, SETTINGS)
    assert not other_face(np.array([mine, tiny]), own, SETTINGS)
    assert not other_face(np.zeros((0, 5)), own, SETTINGS)


def test_a_cut_removes_nothing_and_reasons_are_joined(tmp_path):
    blank = {name: np.zeros(4, bool) for name in REASONS}
    marks = blank | {
        "jump_cut": np.array([0, 1, 1, 0], bool),
        "hands": np.array([0, 0, 1, 0], bool),
        "user": np.array([0, 0, 1, 1], bool),
    }
    table = make_table(
        tmp_path / "frames.csv", np.arange(4) / 25, marks, SETTINGS, np.zeros((4, 3))
    )
    assert table.keep.tolist() == [True, True, False, False]
    assert table.reason.tolist() == ["", "jump_cut", "hands+jump_cut+user", "user"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """220 frames: a second face in 30 to 49, a cut at 75, no face in 100 to 105."""

    def frame(k):
        if 100 <= k < 106:
            return np.full((SIZE, SIZE, 3), 110, np.uint8)
        scale = 0.5 if k < 75 else 0.62
        image = astronaut.placed(SIZE, SIZE, 3 + 10 * np.sin(k / 40), 50 + 2 * np.sin(k / 6), scale)
        if 30 <= k < 50:
            image = astronaut.placed(SIZE, SIZE, 110, 4, 0.32, canvas=image)
        noise = np.random.default_rng(k).normal(0, 2, image.shape)
        return np.clip(image + noise, 0, 255).astype(np.uint8)

    folder = tmp_path_factory.mktemp("screen")
    path = astronaut.write_clip(folder / "clip.mp4", frame, 220)
    detect_landmarks(path, folder / "face.npz", LandmarkSettings())
    return folder


def test_a_clip_is_screened_and_every_frame_keeps_its_number(clip, tmp_path):
    arguments = clip / "clip.mp4", clip / "face.npz", tmp_path / "frames.csv", SETTINGS
    screen_clip(*arguments, remove="0.2-0.4")
    table = pd.read_csv(tmp_path / "frames.csv", keep_default_na=False)
    assert list(table.columns) == ["frame", "time", "keep", "reason", "split"]
    assert table["frame"].tolist() == list(range(220))
    np.testing.assert_allclose(table["time"], np.arange(220) / 25, atol=1e-9)
    words = table["reason"].str.split("+")

    def frames(reason):
        return np.flatnonzero(words.map(lambda row: reason in row))

    np.testing.assert_array_equal(frames("user"), range(5, 11))
    np.testing.assert_array_equal(frames("no_face"), range(100, 106))
    assert 75 in frames("jump_cut") and set(frames("jump_cut")) <= {30, 50, 75, 100, 106}
    second = frames("second_face")
    assert set(range(30, 50)) <= set(second) <= set(range(24, 56))
    assert not len(frames("hands"))
    removed = table["reason"].str.replace("jump_cut", "").str.strip("+") != ""
    np.testing.assert_array_equal(table["keep"] == 0, removed)
    assert set(table["split"]) == {"train", "test"}


def test_the_directions_of_heads_choose_the_test_part_that_is_asked_for(
    clip, tmp_path, monkeypatch
):
    """By the angles of the clip's own frames, those without a face among them."""
    turns = np.zeros((220, 3))
    turns[121:136, 0] = 20
    turns[100:106] = np.nan
    monkeypatch.setattr("unigs.prepare.clip.screen.head_angles", lambda points: turns)
    chosen = ScreenSettings(test_block="unseen", test_share=1 / 11)
    screen_clip(clip / "clip.mp4", clip / "face.npz", tmp_path / "frames.csv", chosen)
    table = pd.read_csv(tmp_path / "frames.csv")
    kept = table[table["keep"] == 1]
    test = kept.loc[kept["split"] == "test", "frame"]
    assert len(test) == len(kept) - int(len(kept) * 10 / 11) and set(range(121, 136)) <= set(test)


def test_the_test_part_may_be_chosen_in_seconds(clip, tmp_path):
    """Training frames lie on both sides of it, and what is removed inside it stays removed."""
    arguments = clip / "clip.mp4", clip / "face.npz", tmp_path / "frames.csv", SETTINGS
    screen_clip(*arguments, remove="3.2-3.4", test="3-3.76,5.2-5.4")
    table = pd.read_csv(tmp_path / "frames.csv", keep_default_na=False)
    test = table.index[table["split"] == "test"]
    np.testing.assert_array_equal(test, [*range(75, 95), *range(130, 136)])
    assert not table.loc[80:85, "keep"].any() and table.loc[86:94, "keep"].all()
    assert (table.loc[[*range(60, 75), *range(140, 220)], "split"] == "train").all()


def test_another_clips_landmarks_are_refused(clip, tmp_path):
    Landmarks(np.zeros((7, 478, 3)), np.ones(7, bool), SIZE, "test").write(tmp_path / "face.npz")
    with pytest.raises(UserError, match=r"clip.mp4 has 220 frames but .*face.npz has 7 rows"):
        screen_clip(clip / "clip.mp4", tmp_path / "face.npz", tmp_path / "f.csv", SETTINGS)


def test_too_little_left_is_said_with_the_counts(clip, tmp_path):
    """More than two seconds are kept, but the lip networks need 100 training frames."""
    with pytest.raises(UserError) as error:
        screen_clip(
            clip / "clip.mp4", clip / "face.npz", tmp_path / "f.csv", SETTINGS, remove="0-5.2"
        )
    kept = int(str(error.value).split("only ")[1].split(" of")[0])
    assert 50 < kept < 110 and f"{kept} of 220 frames ({kept / 25:.1f} s)" in str(error.value)
    assert "user 131" in str(error.value)
    assert "at least 4.4 s are needed for 100 training frames and the test" in str(error.value)
    assert not (tmp_path / "f.csv").exists()
