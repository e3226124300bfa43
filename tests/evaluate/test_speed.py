"""What the clock counts, with a portrait that takes a known time."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from tests.support.subject import subject_files, write_features, write_table
from unigs.evaluate import speed
from unigs.evaluate.records import find, to_json
from unigs.evaluate.speed import measure_speed, speed_records, time_encoder, time_frames
from unigs.settings.evaluate import SpeedSettings
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage.files import read_json


def encoder():
    """A speech encoder, fitted to a second of silence."""
    made = SpeechEncoder(SpeechSettings())
    made.fit(made.windows(made.columns(np.zeros(16000, np.float32)), 25, 25))
    return made


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
    assert 0 < time_encoder(encoder(), 50, 25.0) < 1


def test_the_memory_is_that_of_playing_not_of_encoding_a_whole_clip(tmp_path, monkeypatch):
    files, order = subject_files(tmp_path), []
    write_table(files.frame_table, 60)
    write_features(files, 60, encoder=encoder().to_dict())

    def told(name):
        measure = getattr(speed, name)
        return lambda *values: (order.append(name), measure(*values))[1]

    for name in ("time_frames", "memory_record"):
        monkeypatch.setattr(speed, name, told(name))
    monkeypatch.setattr(speed, "time_encoder", lambda *_: order.append("time_encoder") or 0.01)
    monkeypatch.setattr(speed, "load_portrait", lambda *_: SimpleNamespace(size=32, count=9))
    monkeypatch.setattr(speed, "Playback", lambda _: SimpleNamespace(frame=lambda *_: None))
    measure_speed(
        tmp_path / "portrait.safetensors", files.frame_table, files.pose, files.body, files.eyes,
        files.speech, tmp_path / "speed.json", SpeedSettings(device="cpu", speed_frames=3),
    )  # fmt: skip
    assert order == ["time_frames", "memory_record", "time_encoder"]
    rows = read_json(tmp_path / "speed.json")["metrics"]
    assert find(rows, "memory_mb")["value"] > 0
