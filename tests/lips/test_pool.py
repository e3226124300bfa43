"""A prior from other people's clips, on made-up speech whose lips are known."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.subject import subject_files, write_features, write_table
from unigs.lips.clip import LipClip
from unigs.lips.pool import PENALTY, STRENGTH, Moments, pool, pool_lips
from unigs.lips.regression import prior_of
from unigs.speech.lip_prior import FOLDER, HALF, LipPrior
from unigs.stage.errors import UserError
from unigs.subject.features import SpeechFeatures
from unigs.subject.frame_table import FrameTable

W, D = 2 * HALF + 1, 4
SHIPPED = LipPrior.read(next(FOLDER.glob("*.safetensors")))
"""The package's own prior: features must belong to one."""


def clip(weights, frames=300, seed=0, noise=0.3, name="ann"):
    """A clip whose lips follow its speech by `weights` [W,D,2]; every tenth frame has no face."""
    rng = np.random.default_rng(seed)
    windows = rng.normal(rng.normal(size=D), 1, (frames, W, D)).astype(np.float32)
    lips = np.einsum("twd,wdk->tk", windows, weights) + noise * rng.normal(size=(frames, 2))
    lips = ((lips - lips.mean(0)) / lips.std(0)).astype(np.float32)
    lips[::10] = np.nan
    text = np.full(frames, "", object)
    split = np.where(np.arange(frames) < frames - 30, "train", "test")
    table = FrameTable(
        Path("frames.csv"), np.arange(frames) / 25, np.ones(frames, bool), text, split
    )
    numbers = np.zeros(D, np.float32), np.ones(D, np.float32)
    speech = SpeechFeatures(windows, *numbers, "whisper", 50, windows[0], 0.0, "{}")
    return LipClip(name, Path("features.npz"), table, speech, None, lips)


def start(weights):
    return LipPrior(weights.astype(np.float32), np.ones((W, D), np.float32), 0.5, "abc")


@pytest.fixture(scope="module")
def weights():
    return np.random.default_rng(9).normal(size=(W, D, 2))


def test_a_pool_is_least_squares_over_all_clips_with_rows_that_pull_to_the_start(weights):
    clips = [clip(weights, 300, 1), clip(weights, 120, 2)]
    first = start(np.random.default_rng(3).normal(size=(W, D, 2)))
    found = pool(map(Moments.of, clips), first)
    rows, targets = [], []
    for part in clips:
        frames = part.frames()
        x = part.speech.windows[frames].reshape(len(frames), -1).astype(float)
        y = part.lips[frames].astype(float)
        rows.append((x - x.mean(0)) / np.sqrt(len(frames)))
        targets.append((y - y.mean(0)) / np.sqrt(len(frames)))
    pull = np.sqrt(PENALTY * np.square(np.vstack(rows)).sum() / (W * D))
    rows.append(pull * np.eye(W * D))
    targets.append(pull * first.lips.reshape(-1, 2))
    expected = np.linalg.lstsq(np.vstack(rows), np.vstack(targets), rcond=None)[0]
    assert np.allclose(found.lips.reshape(-1, 2), expected, atol=1e-4)
    assert np.array_equal(found.speech, first.speech) and found.bias == first.bias
    assert found.strength == STRENGTH


def test_others_tell_more_of_a_stranger_than_a_wrong_start(weights):
    others = [clip(weights, 400, seed) for seed in (1, 2, 3)]
    stranger = clip(weights, 200, 7)
    wrong = start(0.1 * weights[::-1])
    taught = pool(map(Moments.of, others), wrong)
    frames = stranger.frames()

    def r(prior):
        lips = prior.lips_of(stranger.speech.windows[frames])
        return np.corrcoef(lips[:, 0], stranger.lips[frames, 0])[0, 1]

    assert r(wrong) < 0.3 < 0.6 < r(taught)


def test_frames_that_are_removed_or_show_no_face_teach_nothing(weights):
    whole = clip(weights, 300, 1)
    lips = whole.lips.copy()
    lips[100:150] = 1000
    keep = np.ones(300, bool)
    keep[100:150] = False
    spoiled = replace(whole, lips=lips, table=replace(whole.table, keep=keep))
    known = whole.frames()
    assert np.array_equal(spoiled.frames(), known[(known < 100) | (known >= 150)])
    assert np.abs(Moments.of(spoiled).cross).max() < 10


def files_of(folder, projection=SHIPPED.projection, dim=64):
    """Files of a subject whose features say to be of a projection."""
    files, frames = subject_files(folder), 160
    rng = np.random.default_rng(len(folder.name))
    points = rng.normal(100, 20, (frames, 478, 3)).astype(np.float32)
    speech = rng.normal(size=(frames, W, dim)).astype(np.float32)
    encoder = {"model": {"projection": projection}} if projection else {}
    write_features(files, frames, points=points, speech=speech, encoder=encoder)
    write_table(files.frame_table, frames)
    return files


def run(tmp_path, *subjects):
    lists = zip(*((f.frame_table, f.landmarks, f.speech) for f in subjects), strict=True)
    names = tuple(f"s{k}" for k in range(len(subjects)))
    pool_lips(names, *lists, out=tmp_path / "prior.safetensors")
    return LipPrior.read(tmp_path / "prior.safetensors")


def test_the_stage_writes_a_prior_that_the_dynamic_stage_takes(tmp_path):
    subjects = [files_of(tmp_path / name) for name in ("ann", "bertha")]
    made = run(tmp_path, *subjects)
    assert made.lips.shape == SHIPPED.lips.shape and not np.array_equal(made.lips, SHIPPED.lips)
    encoder = json.dumps({"model": {"projection": SHIPPED.projection}})
    taken = prior_of(encoder, "pooled", tmp_path / "prior.safetensors")
    assert np.array_equal(taken.lips, made.lips) and taken.strength == STRENGTH
    assert prior_of(encoder, "shipped", tmp_path / "prior.safetensors").strength == 3


def test_features_of_different_encoders_are_not_pooled(tmp_path):
    subjects = [files_of(tmp_path / "ann"), files_of(tmp_path / "bertha", "another")]
    with pytest.raises(UserError, match="different speech encoders"):
        run(tmp_path, *subjects)
    assert not (tmp_path / "prior.safetensors").exists()


def test_features_without_a_prior_are_refused(tmp_path):
    with pytest.raises(UserError, match="knows no lip prior"):
        run(tmp_path, files_of(tmp_path / "ann", ""))


def test_a_pooled_prior_must_be_there_and_of_the_same_features(tmp_path):
    encoder = json.dumps({"model": {"projection": "another"}})
    with pytest.raises(UserError, match="no prior is given"):
        prior_of(encoder, "pooled", None)
    SHIPPED.write(tmp_path / "prior.safetensors")
    with pytest.raises(UserError, match="other speech features"):
        prior_of(encoder, "pooled", tmp_path / "prior.safetensors")
