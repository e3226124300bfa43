"""Speech features: against closed forms and an independent reference, in step with the frames."""

import json

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.subject import write_table
from unigs.media.audio import RATE, write_wav
from unigs.prepare.speech.encode import encode_speech
from unigs.prepare.speech.offset import offset_scores
from unigs.settings.speech import SpeechSettings
from unigs.speech.backends import make_backend, resample_rows
from unigs.speech.deepspeech import DeepSpeech2, load_deepspeech, read_state, spectrogram
from unigs.speech.encoder import SpeechEncoder
from unigs.speech.loudness import normalize_level, speech_level
from unigs.speech.spectral import dct_matrix, log_mel, mel_filters
from unigs.stage.errors import UserError


def voice(seconds, seed=0):
    """Noise bursts of changing colour with pauses between: as varied as speech."""
    rng = np.random.default_rng(seed)
    out = []
    while sum(map(len, out)) < seconds * RATE:
        length = int(rng.uniform(0.05, 0.3) * RATE)
        b, a = scipy.signal.butter(2, rng.uniform(300, 3000) / (RATE / 2))
        burst = scipy.signal.lfilter(b, a, rng.normal(size=length)) * rng.uniform(0.05, 0.5)
        out += [burst * np.hanning(length), np.zeros(int(rng.uniform(0, 0.1) * RATE))]
    return np.concatenate(out)[: int(seconds * RATE)].astype(np.float32)


def reference_mfcc(samples, n_mfcc, n_mels, window, hop, n_fft):
    """The textbook's loop in float64: frame, window, DFT, triangles, log, scipy's DCT."""
    padded = np.pad(samples.astype(np.float64), n_fft // 2, mode="reflect")
    hann = np.zeros(n_fft)
    left = (n_fft - window) // 2
    hann[left : left + window] = scipy.signal.get_window("hann", window)
    starts = range(0, len(samples) + 1, hop)
    power = np.stack([np.abs(np.fft.rfft(padded[s : s + n_fft] * hann)) ** 2 for s in starts])
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), n_mels + 2)
    corner = 700 * (10 ** (mel / 2595) - 1)
    bins = np.arange(n_fft // 2 + 1) * RATE / n_fft
    bank = [np.interp(bins, corner[i : i + 3], [0, 1, 0]) for i in range(n_mels)]
    decibel = 10 * np.log10(np.maximum(power @ np.array(bank).T, 1e-10))
    decibel = np.maximum(decibel, decibel.max() - 80)
    return scipy.fft.dct(decibel, norm="ortho")[:, :n_mfcc].T


def test_mfcc_is_the_textbooks():
    samples = voice(1.0)
    expected = reference_mfcc(samples, 40, 40, 400, 160, 512)
    got = (dct_matrix(40, 40) @ log_mel(torch.from_numpy(samples))).numpy()
    assert got.shape == (40, 101)
    np.testing.assert_allclose(got, expected, atol=2e-2)
    # In double precision the difference is only that of float32 corner frequencies.
    bands = log_mel(torch.from_numpy(samples).double())
    exact = (dct_matrix(40, 40).double() @ bands).numpy()
    np.testing.assert_allclose(exact, expected, atol=5e-3)


def test_dct_is_orthonormal():
    d = dct_matrix(40, 40)
    np.testing.assert_allclose(d @ d.T, np.eye(40), atol=1e-5)


def test_mel_filters_share_every_frequency_between_neighbours():
    bank = mel_filters(RATE, 1024, 40)
    inside = bank.argmax(0)[0], bank.argmax(0)[-1]
    np.testing.assert_allclose(bank[inside[0] : inside[1]].sum(1), 1, atol=1e-4)


@pytest.mark.parametrize("hertz", [200, 1000, 4000])
def test_a_tone_is_loudest_in_its_own_band(hertz):
    time = np.arange(RATE) / RATE
    bands = log_mel(torch.from_numpy(np.sin(2 * np.pi * hertz * time)), 40)
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 42)[1:-1]
    centre = 700 * (10 ** (mel[int(bands.mean(1).argmax())] / 2595) - 1)
    assert abs(centre - hertz) < 0.1 * hertz + 40


def test_long_recordings_are_encoded_as_in_one_piece(monkeypatch):
    samples = voice(3.0)
    whole = make_backend(SpeechSettings()).columns(samples)
    monkeypatch.setattr("unigs.speech.backends.PIECE", 17)
    np.testing.assert_allclose(make_backend(SpeechSettings()).columns(samples), whole, atol=1e-4)
    assert len(whole) == 3 * 50 + 1


def fitted(samples, count, fps=25.0, **options):
    encoder = SpeechEncoder(SpeechSettings(**options))
    raw = encoder.windows(encoder.columns(samples), count, fps)
    encoder.fit(raw)
    return encoder, encoder.normalize(raw)


@pytest.mark.parametrize("fps", [25.0, 30.0, 29.97])
def test_frame_k_hears_its_own_time(fps):
    frame = 40
    samples = np.zeros(4 * RATE, np.float32)
    middle = int((frame + 0.5) / fps * RATE)
    samples[middle - 80 : middle + 80] = 0.5
    encoder = SpeechEncoder(SpeechSettings())
    raw = encoder.windows(encoder.columns(samples), 90, fps)
    loudness = raw.mean(2)
    row, column = np.unravel_index(loudness.argmax(), loudness.shape)
    centre = encoder.width // 2
    assert abs(loudness[frame].argmax() - centre) <= 1
    assert abs((row - frame) / fps * 50 + column - centre) <= 1


def test_beyond_the_ends_there_is_silence_not_repeated_speech():
    encoder, windows = fitted(voice(2.0) + 0.1, 50)
    half = encoder.width // 2
    np.testing.assert_allclose(windows[0, : half - 1], encoder.silence[: half - 1], atol=1e-5)
    assert np.abs(windows[0, half + 2] - encoder.silence[0]).max() > 0.5


def test_silence_is_what_zeros_sound_like():
    encoder, _ = fitted(voice(2.0), 50)
    windows = encoder.encode(np.zeros(RATE, np.float32), 25, 25.0)
    np.testing.assert_allclose(windows[12], encoder.silence, atol=1e-4)


def test_normalized_over_the_training_frames():
    _, windows = fitted(voice(4.0), 100)
    np.testing.assert_allclose(windows.mean((0, 1)), 0, atol=1e-3)
    np.testing.assert_allclose(windows.std((0, 1)), 1, atol=1e-3)


@given(gain=st.floats(-30, 6))
@settings(max_examples=10, deadline=None)
def test_a_recording_sounds_the_same_at_every_volume(gain):
    samples = voice(2.0)
    encoder, windows = fitted(samples, 50)
    encoder.learn_profile(samples, encoder.columns(samples))
    louder = encoder.encode(samples * 10 ** (gain / 20), 50, 25.0)
    np.testing.assert_allclose(louder, encoder.encode(samples, 50, 25.0), atol=2e-3)
    # The clip's own sound is not changed, but for its rarest columns.
    assert (np.abs(louder - windows) < 2e-3)[:, 2:-2].mean() > 0.95


def test_another_microphone_does_not_change_what_is_heard():
    samples, noise = voice(4.0), np.random.default_rng(3).normal(size=4 * RATE) * 1e-3
    samples = samples + noise.astype(np.float32)
    encoder, windows = fitted(samples, 100)
    dull = scipy.signal.lfilter([0.3], [1, -0.7], samples).astype(np.float32)
    before = np.abs(encoder.encode(dull, 100, 25.0) - windows)[5:-5].mean()
    encoder.learn_profile(samples, encoder.columns(samples))
    after = np.abs(encoder.encode(dull, 100, 25.0) - windows)[5:-5].mean()
    assert after < 0.3 * before
    low, high = windows.min((0, 1)), windows.max((0, 1))
    shouted = encoder.encode(np.tanh(50 * samples), 100, 25.0)[10:-10]
    assert (shouted >= low - 1e-3).all() and (shouted <= high + 1e-3).all()


def test_level_is_that_of_speech_whatever_the_pauses():
    speech = np.random.default_rng(0).normal(size=RATE).astype(np.float32) * 0.05
    paused = np.concatenate([speech, np.zeros(5 * RATE, np.float32)])
    assert speech_level(paused) == pytest.approx(speech_level(speech), abs=0.2)
    assert speech_level(normalize_level(paused, -23.0)) == pytest.approx(-23, abs=0.1)
    assert speech_level(np.zeros(RATE)) is None
    assert not normalize_level(np.zeros(RATE, np.float32), -23.0).any()


def test_foreign_recording_keeps_the_clips_normalisation():
    encoder, _ = fitted(voice(4.0), 100)
    again = SpeechEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    other = voice(2.0, seed=5)
    np.testing.assert_allclose(
        again.encode(other, 50, 25.0), encoder.encode(other, 50, 25.0), atol=1e-4
    )
    # Its own statistics were not used: they differ from the clip's.
    assert abs(again.encode(other, 50, 25.0).std() - 1) > 1e-3


def write_clip(folder, frames, seconds, keep=None):
    write_wav(folder / "audio.wav", voice(seconds), RATE)
    write_table(folder / "frames.csv", frames, keep=True if keep is None else keep)


@pytest.mark.parametrize(("backend", "dim"), [("logmel", 40), ("mfcc", 13)])
def test_encode_speech_writes_a_window_for_each_frame(tmp_path, backend, dim):
    write_clip(tmp_path, 100, 4.0)
    chosen = SpeechSettings(backend=backend, coefficients=13)
    encode_speech(tmp_path / "audio.wav", tmp_path / "frames.csv", tmp_path / "f.npz", chosen)
    with np.load(tmp_path / "f.npz") as data:
        features = data["features"]
        assert features.shape == (100, 17, dim) and features.dtype == np.float32
        assert data["mean"].shape == data["std"].shape == (dim,)
        assert str(data["backend"]) == backend and data["rate"] == 50
        train = features[:90].reshape(-1, dim)
        np.testing.assert_allclose(train.mean(0), 0, atol=1e-3)
        encoder = SpeechEncoder.from_dict(json.loads(str(data["encoder"])))
        np.testing.assert_allclose(encoder.silence, data["silence"], atol=1e-5)


def test_beyond_the_ends_of_a_clip_speech_is_unknown_not_silent(tmp_path):
    write_clip(tmp_path, 100, 4.0)
    encode_speech(
        tmp_path / "audio.wav", tmp_path / "frames.csv", tmp_path / "f.npz", SpeechSettings()
    )
    with np.load(tmp_path / "f.npz") as data:
        outside = data["features"][[0, -1], [0, -1]]
        assert np.abs(outside).max() < 0.3
        assert np.abs(outside - data["silence"][0]).max() > 0.5


def test_lengths_that_differ_name_both_files_and_numbers(tmp_path):
    write_clip(tmp_path, 100, 3.5)
    with pytest.raises(UserError, match=r"audio\.wav lasts 87\.5 frames.*frames\.csv has 100"):
        encode_speech(
            tmp_path / "audio.wav", tmp_path / "frames.csv", tmp_path / "f.npz", SpeechSettings()
        )


def test_a_network_without_its_file_says_what_to_set(tmp_path):
    for backend in ("deepspeech", "wav2vec2"):
        with pytest.raises(UserError, match=f"{backend} needs a model.*speech.model"):
            make_backend(SpeechSettings(backend=backend, model=str(tmp_path / "none")))


def test_delayed_sound_is_found():
    rng = np.random.default_rng(1)
    count, delay = 400, 4
    lips = scipy.ndimage.gaussian_filter1d(rng.normal(size=(count + 20, 2)), 0.7, axis=0)
    lips /= lips.std(0)
    mixing = rng.normal(size=(2, 6))
    heard = lips @ mixing + rng.normal(size=(count + 20, 6))
    # Row k of the features is the speech of time k; the lips of frame k are heard `delay` later.
    features = np.stack([heard[k : k + count] for k in range(3)], 1)
    seen = lips[1 + delay : 1 + delay + count]
    offsets = np.arange(-8, 9)
    scores = offset_scores(features, seen, np.ones(count, bool), offsets)
    assert offsets[scores.argmax()] == delay
    assert scores.max() > 0.4


def test_rows_are_interpolated_in_time():
    rows = np.arange(10.0)[:, None]
    np.testing.assert_allclose(
        resample_rows(rows, 20, 10, 1600)[:, 0], np.arange(11) * 0.5, atol=1e-6
    )


# --- DeepSpeech ------------------------------------------------------------------------------


def small_state(both=True, hidden=8, kind=torch.nn.LSTM):
    """A state dict with the names and shapes of deepspeech.pytorch V3."""
    torch.manual_seed(0)
    state = {}

    def add(prefix, module):
        for name, value in module.state_dict().items():
            random = torch.rand(value.shape) * 0.2 + 0.1
            state[f"{prefix}.{name}"] = random if value.is_floating_point() else value

    add("conv.seq_module.0", torch.nn.Conv2d(1, 32, (41, 11)))
    add("conv.seq_module.1", torch.nn.BatchNorm2d(32))
    add("conv.seq_module.3", torch.nn.Conv2d(32, 32, (21, 11)))
    add("conv.seq_module.4", torch.nn.BatchNorm2d(32))
    add("rnns.0.rnn", kind(1312, hidden, bidirectional=both))
    add("rnns.1.batch_norm.module", torch.nn.BatchNorm1d(hidden))
    add("rnns.1.rnn", kind(hidden, hidden, bidirectional=both))
    if not both:
        add("lookahead.0.conv", torch.nn.Conv1d(hidden, hidden, 5, groups=hidden, bias=False))
    add("fc.0.module.0", torch.nn.BatchNorm1d(hidden))
    add("fc.0.module.1", torch.nn.Linear(hidden, 29, bias=False))
    return state


@pytest.mark.parametrize("both", [True, False])
def test_deepspeech_reads_its_sizes_off_the_weights(tmp_path, both):
    state = small_state(both)
    torch.save({"state_dict": state}, tmp_path / "d.ckpt")
    net = load_deepspeech(tmp_path / "d.ckpt")
    logits = net.transcribe(torch.from_numpy(voice(1.0)))
    assert logits.shape == (51, 29)
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, state[name])


def test_deepspeech_backend_has_a_row_every_step(tmp_path):
    torch.save({"state_dict": small_state()}, tmp_path / "d.ckpt")
    chosen = SpeechSettings(backend="deepspeech", model=str(tmp_path / "d.ckpt"))
    encoder, windows = fitted(voice(2.0), 50, backend="deepspeech", model=chosen.model)
    assert windows.shape == (50, 17, 29)
    assert np.isfinite(windows).all()


def test_spectrogram_of_a_tone_peaks_at_its_bin():
    time = torch.arange(RATE) / RATE
    picture = spectrogram(torch.sin(2 * torch.pi * 1000 * time))
    assert picture.shape == (161, 101)
    assert int(picture.mean(1).argmax()) == 20
    assert float(picture.std()) == pytest.approx(1, abs=1e-3)


class Bomb:
    """Unpickling this with pickle itself would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').close()",))


def test_checkpoint_runs_no_code(tmp_path):
    state = small_state()
    torch.save({"state_dict": state, "hyper_parameters": Bomb(tmp_path / "boom")}, tmp_path / "b")
    weights = read_state(tmp_path / "b")
    assert not (tmp_path / "boom").exists()
    assert set(weights) == set(state)
    DeepSpeech2(weights)


def test_other_files_are_refused_by_name(tmp_path):
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "other.ckpt")
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    for name in ("other.ckpt", "text.ckpt"):
        with pytest.raises(UserError, match=name):
            load_deepspeech(tmp_path / name)
