"""The back-end whisper: which model, which layer, and the same one again years later."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.support.sounds import fitted, voice
from tests.support.subject import write_table
from tests.support.whisper import REAL, leveled, made_file, needs_real
from unigs.media.audio import RATE, write_wav
from unigs.prepare.speech.encode import encode_speech
from unigs.settings.speech import SpeechSettings
from unigs.speech import projection
from unigs.speech.backends import make_backend
from unigs.speech.encoder import SpeechEncoder
from unigs.speech.model_file import digest
from unigs.speech.whisper_windows import hear
from unigs.stage.errors import UserError
from unigs.subject.features import SpeechFeatures


@pytest.fixture
def models(tmp_path, monkeypatch):
    """The folder of pretrained models, with nothing in it."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("UNIGS_MODELS", str(folder))
    return folder


def test_auto_is_whisper_where_its_model_is_there_and_says_so(models, caplog):
    caplog.set_level(logging.INFO, "unigs")
    assert make_backend(SpeechSettings()).settings.backend == "logmel"
    assert "unigs models fetch whisper-tiny-en" in caplog.text
    path = made_file(models)
    caplog.clear()
    made = make_backend(SpeechSettings()).settings
    assert (made.backend, made.model) == ("whisper", str(path))
    assert caplog.text.count("speech back-end auto: whisper") == 1
    named = made_file(models.parent)
    assert make_backend(SpeechSettings(model=str(named))).settings.model == str(named)
    assert make_backend(SpeechSettings(backend="logmel")).settings.backend == "logmel"


def test_whisper_without_its_model_says_how_to_get_it(models):
    with pytest.raises(UserError, match="whisper needs a model.*unigs models fetch") as info:
        make_backend(SpeechSettings(backend="whisper"))
    assert str(models) in str(info.value)


@pytest.mark.parametrize(("layers", "usual"), [(1, 1), (4, 2), (6, 3)])
def test_the_layer_is_the_middle_one_or_the_chosen_one(tmp_path, layers, usual):
    path = made_file(tmp_path, layers=layers)
    asked = SpeechSettings(backend="whisper", model=str(path))
    made = make_backend(asked)
    assert made.settings.layer == made.listener.layer == usual
    assert make_backend(replace(asked, layer=layers)).settings.layer == layers
    with pytest.raises(UserError, match=f"layer is 7, but .* has only {layers} layers"):
        make_backend(replace(asked, layer=7))


def test_rows_come_every_step(tmp_path):
    asked = SpeechSettings(backend="whisper", model=str(made_file(tmp_path)), step_ms=10.0)
    made, samples = make_backend(asked), leveled(3.0)
    columns = made.columns(samples)
    assert columns.shape == (301, 64)
    np.testing.assert_allclose(columns[::2], hear(made.listener, samples), atol=1e-6)


def test_live_rows_go_through_the_same_projection(tmp_path, monkeypatch):
    path, rng = made_file(tmp_path), np.random.default_rng(0)
    monkeypatch.setattr(projection, "FOLDER", tmp_path / "projections")
    projection.FOLDER.mkdir()
    tensors = {"mean": rng.normal(size=64), "matrix": rng.normal(size=(64, 8))}
    for layer in (1, 2):
        save_file(
            {name: (value * layer).astype(np.float32) for name, value in tensors.items()},
            projection.FOLDER / f"{layer}.safetensors",
            {"model": digest(path), "layer": str(layer)},
        )
    made = make_backend(SpeechSettings(backend="whisper", model=str(path)))
    assert made.columns(leveled(2.0)).shape == (101, 8)
    assert made.live().push(leveled(2.0)).shape[1] == 8
    np.testing.assert_allclose(
        made.listener.projection.matrix, tensors["matrix"] * made.settings.layer, rtol=1e-6
    )
    other = make_backend(SpeechSettings(backend="whisper", model=str(path), layer=3))
    assert other.listener.projection is None


def test_another_version_with_another_projection_is_one_sentence(tmp_path, monkeypatch):
    path = made_file(tmp_path)
    encoder, _ = fitted(voice(2.0), 50, backend="whisper", model=str(path))
    monkeypatch.setattr(projection, "FOLDER", tmp_path)
    save_file(
        {"mean": np.zeros(64, np.float32), "matrix": np.eye(64, dtype=np.float32)[:, :8]},
        tmp_path / "p.safetensors",
        {"model": digest(path), "layer": "2"},
    )
    with pytest.raises(UserError, match="f.npz was encoded by another version.*anew"):
        SpeechEncoder.from_json(json.dumps(encoder.to_dict()), tmp_path / "f.npz")


def test_a_features_file_hears_with_the_model_that_made_it(tmp_path, models, monkeypatch):
    path = made_file(models)
    write_wav(tmp_path / "a.wav", voice(4.0), RATE)
    write_table(tmp_path / "t.csv", 100, keep=True)
    encode_speech(tmp_path / "a.wav", tmp_path / "t.csv", tmp_path / "f.npz", SpeechSettings())
    read = SpeechFeatures.read(tmp_path / "f.npz")
    assert read.backend == "whisper" and read.windows.shape == (100, 17, 64)
    data = json.loads(read.encoder)
    assert data["settings"]["backend"] == "whisper" and data["settings"]["layer"] == 2
    assert data["model"] == {"file": path.name, "sha256": digest(path), "projection": ""}

    def heard():
        again = SpeechEncoder.from_json(read.encoder, tmp_path / "f.npz")
        return again.encode(voice(2.0, seed=5), 50, 25.0)

    first = heard()
    # Elsewhere, but among the pretrained models.
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    path.rename(moved / path.name)
    monkeypatch.setenv("UNIGS_MODELS", str(moved))
    np.testing.assert_array_equal(heard(), first)
    # Nowhere; another one.
    (moved / path.name).unlink()
    with pytest.raises(UserError, match="f.npz was encoded by .* whisper with .* neither at"):
        heard()
    made_file(moved, seed=1)
    with pytest.raises(UserError, match="whisper-tiny-en.safetensors is another one: put that"):
        heard()


def test_encoders_of_earlier_versions_are_still_read():
    encoder, _ = fitted(voice(2.0), 50)
    data = encoder.to_dict()
    assert data["model"] is None
    del data["model"], data["settings"]["layer"]
    again = SpeechEncoder.from_dict(data)
    np.testing.assert_allclose(again.silence, encoder.silence, atol=1e-5)


def test_a_folders_digest_knows_names_and_contents(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a").write_bytes(b"1")
    before = digest(tmp_path)
    (tmp_path / "sub/a").rename(tmp_path / "sub/b")
    named = digest(tmp_path)
    (tmp_path / "sub/b").write_bytes(b"2")
    assert len({before, named, digest(tmp_path)}) == 3


@needs_real
def test_silence_is_within_what_speech_sounds_like():
    """Complete silence closes the mouth in pauses: it must not be a sound from another world."""
    encoder, _ = fitted(voice(20.0), 500, backend="whisper", model=str(REAL))
    encoder.learn_profile(voice(20.0), encoder.columns(voice(20.0)))
    again = encoder.columns(np.zeros(3 * RATE, np.float32))
    spread = (again[20:-20] - encoder.quiet) / encoder.std
    assert np.sqrt(np.square(spread).mean()) < 1.0
    assert np.isfinite(encoder.silence).all() and np.abs(encoder.silence).mean() < 3
