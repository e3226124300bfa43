"""What lips of one clip make of another's speech, on made-up clips whose lips follow loudness."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.lips.test_pool import clip, start
from tests.support.sounds import fitted, voice
from tests.support.subject import subject_files, write_features, write_table
from unigs.evaluate import voices
from unigs.evaluate.voices import agreement, compare_voices, learned, own_test, priors_of
from unigs.lips import networks
from unigs.lips.pool import Moments, pool
from unigs.media.audio import RATE, write_wav
from unigs.settings.dynamic import LipSettings
from unigs.speech.lip_prior import HALF

FRAMES, FPS = 260, 25


def test_a_pool_knows_neither_portrait_nor_voice(monkeypatch):
    weights = np.random.default_rng(0).normal(size=(2 * HALF + 1, 4, 2))
    clips = [clip(weights, 200, seed, name=name) for seed, name in enumerate(("ann", "bo", "cy"))]
    first = start(weights[::-1])
    monkeypatch.setattr(voices, "common_prior", lambda clips: first)
    priors = priors_of(clips, "pooled")
    ann, bo, cy = clips
    assert np.array_equal(priors(ann, bo).lips, pool([Moments.of(cy)], first).lips)
    own = pool([Moments.of(bo), Moments.of(cy)], first)
    assert np.array_equal(priors(ann, ann).lips, own.lips)
    pair = priors_of(clips[:2], "pooled")
    assert pair(ann, bo) is first


def test_a_prior_helps_a_short_clip_to_hear():
    weights = np.random.default_rng(0).normal(size=(2 * HALF + 1, 4, 2))
    short, other = clip(weights, 200, 1, noise=8), clip(weights, 400, 2)
    figures = [
        agreement(learned(short, start(w), 0), *own_test(other)) for w in (weights, 0 * weights)
    ]
    assert figures[0][0] > figures[1][0] and figures[0][0] > 0.7
    assert abs(figures[0][2]) < 0.5 < figures[0][0]


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """Two subjects whose lips open with the loudness of their own sounds."""
    found = {}
    for seed, name in enumerate(("ann", "bo")):
        files = subject_files(tmp_path_factory.mktemp(name))
        sound = voice(FRAMES / FPS, seed)
        encoder, windows = fitted(sound, FRAMES)
        encoder.learn_profile(sound, encoder.columns(sound))
        loud = np.sqrt([np.mean(part**2) for part in np.array_split(sound, FRAMES)])
        points = np.repeat(np.random.default_rng(3).uniform(90, 160, (1, 478, 3)), FRAMES, 0)
        points[:, [178, 14, 402]] = points[:, [81, 13, 311]]
        points[:, [178, 14, 402], 1] += (2 + 60 * loud)[:, None]
        points[:, 291, 0] += 20 * loud
        write_features(files, FRAMES, points=points, speech=windows, encoder=encoder.to_dict())
        write_table(files.frame_table, FRAMES)
        write_wav(files.speech.with_name("audio.wav"), sound, RATE)
        found[name] = files
    return found


def test_the_stage_lets_everybody_hear_everybody(sheet, tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "FEWEST_STEPS", 150)
    monkeypatch.setattr(networks, "STEPS_PER_FRAME", 0)
    files, out = sheet.values(), tmp_path / "lips.csv"
    compare_voices(
        tuple(sheet),
        tuple(f.frame_table for f in files),
        tuple(f.landmarks for f in files),
        tuple(f.speech for f in files),
        tuple(f.speech.with_name("audio.wav") for f in files),
        out,
        LipSettings(lip_prior="none"),
    )
    table = pd.read_csv(out).set_index(["portrait", "voice"])
    assert list(table.index) == [("ann", "ann"), ("ann", "bo"), ("bo", "ann"), ("bo", "bo")]
    assert (table["opening_r"] > 0.5).all()
    # A test part is too short to say what chance gives.
    others = table.drop([("ann", "ann"), ("bo", "bo")])
    assert (others["shuffled_r"].abs() < 0.3).all()
    assert table.loc[("ann", "ann"), "frames"] < table.loc[("ann", "bo"), "frames"] == FRAMES
    assert json.loads(table.to_json())
