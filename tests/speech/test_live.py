"""Hearing live: spectral features are those of the whole recording, late windows give more rows."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.whisper import FLOOR, leveled, made_net
from unigs.media.audio import RATE
from unigs.settings.speech import SpeechSettings
from unigs.speech.backends import Spectral, Transformer
from unigs.speech.live import listen_live
from unigs.speech.whisper_windows import Listener, LiveListener, LiveWindows
from unigs.stage.errors import UserError

SPEECH = [
    {"backend": "logmel"},
    {"backend": "mfcc", "coefficients": 13},
    {"backend": "logmel", "step_ms": 10.0, "window_ms": 25.0},
]


@given(
    st.sampled_from(SPEECH),
    st.lists(st.integers(0, 2 * RATE), max_size=10),
    st.integers(0, 2 * RATE),
)
@settings(max_examples=25)
def test_spectral_features_are_to_the_number_those_of_the_whole_recording(chosen, cuts, length):
    backend = Spectral(SpeechSettings(**chosen))
    samples = leveled(2.0)[:length]
    live = listen_live(backend, LiveWindows())
    rows = [live.push(piece) for piece in np.split(samples, sorted(cuts))]
    rows = np.concatenate([*rows, live.finish()])
    np.testing.assert_allclose(rows, backend.columns(samples), atol=1e-3)
    assert rows.dtype == np.float32


def test_a_spectral_column_is_given_as_soon_as_its_window_has_come():
    backend = Spectral(SpeechSettings(backend="logmel"))
    samples, live, given_ = leveled(1.0), listen_live(backend, LiveWindows()), 0
    for k in range(0, RATE, 40):
        given_ += len(live.push(samples[k : k + 40]))
        wanted = (k + 40 - backend.n_fft // 2) // backend.hop + 1
        assert given_ == max(0, wanted)


def counting_listener():
    listener = Listener(made_net(), 2, FLOOR)
    calls = []
    forward = listener.net.forward
    listener.net.forward = lambda *given: calls.append(1) or forward(*given)
    return listener, calls


def test_a_window_gives_the_rows_of_several_steps_only_to_who_is_late():
    samples = leveled(5.0)
    plain, patient = LiveWindows(100, 2, 5), LiveWindows(100, 2, 5, most=10)
    in_time = []
    for windows in (plain, patient):
        live = LiveListener(counting_listener()[0], windows)
        in_time.append(np.concatenate([live.push(p) for p in np.split(samples, 500)]))
    np.testing.assert_array_equal(*in_time)
    late = []
    for windows in (plain, patient):
        listener, calls = counting_listener()
        live = LiveListener(listener, windows)
        rows = np.concatenate([live.push(samples), live.finish()])
        late.append((rows, len(calls)))
    assert late[0][0].shape == late[1][0].shape == (len(samples) // 320 + 1, 64)
    assert late[1][1] < late[0][1] / 4
    # A window's last rows are the same, whoever asks: every fifth pair.
    ends = np.arange(8, 240, 10)
    np.testing.assert_allclose(late[1][0][ends], late[0][0][ends], atol=1e-5)


def test_what_hears_whole_recordings_only_says_so():
    deaf = SimpleNamespace(settings=SpeechSettings(backend="wav2vec2"), __class__=Transformer)
    with pytest.raises(UserError, match=r"hears with wav2vec2 every 20 ms cannot hear live"):
        listen_live(deaf, LiveWindows())
