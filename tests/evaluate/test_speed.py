"""What the clock counts, with a portrait that takes a known time."""

import time

import numpy as np
import pytest

from unigs.evaluate.records import find, to_json
from unigs.evaluate.speed import speed_records, time_encoder, time_frames
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder


def test_warm_up_frames_are_played_but_not_counted():
    played = []

    def play(row):
        played.append(row)
        time.sleep(0.05 if row < 0 else 0)

    seconds = time_frames(play, [-1, -1, 3, 4, 5], 2, "cpu")
    assert played == [-1, -1, 3, 4, 5] and seconds.shape == (3,)
    assert seconds.max() < 0.05


def test_a_frame_lasts_as_long_as_its_play():
    seconds = time_frames(lambda _: time.sleep(0.02), [0, 1, 2], 0, "cpu")
    assert (seconds >= 0.02).all()


def test_figures_follow_from_the_times():
    rows = to_json(speed_records(np.array([0.01, 0.02, 0.03]), 0.005, "logmel"))
    value = {metric: find(rows, metric)["value"] for metric in (r["metric"] for r in rows)}
    assert value["fps"] == pytest.approx(50) and value["fps_with_speech"] == pytest.approx(40)
    assert value["frame_ms_median"] == pytest.approx(20) and value["speech_ms"] == pytest.approx(5)
    assert "logmel" in find(rows, "fps_with_speech")["how"]


def test_an_encoder_that_is_not_here_leaves_its_figures_empty():
    rows = to_json(speed_records(np.array([0.01, 0.02]), None, "aud_ds.npy (DeepSpeech)"))
    assert find(rows, "fps")["value"] > 0
    for metric in ("fps_with_speech", "speech_ms"):
        record = find(rows, metric)
        assert record["value"] is None and "aud_ds.npy" in record["reason"]


def test_the_clips_own_encoder_is_timed():
    encoder = SpeechEncoder(SpeechSettings())
    encoder.fit(encoder.windows(encoder.columns(np.zeros(16000, np.float32)), 25, 25))
    assert 0 < time_encoder(encoder, 50, 25.0) < 1
