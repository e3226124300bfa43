"""DeepSpeech 0.1.0 out of a frozen graph, against the formulas in plain NumPy."""

import math

import numpy as np
import pytest

from tests.support.graph_files import constant, field, graph, node, shape_of, small_weights
from tests.support.sounds import voice
from unigs.media.audio import RATE
from unigs.pretrained.frozen_graph import read_constants
from unigs.settings.speech import SpeechSettings
from unigs.speech.backends import make_backend
from unigs.speech.mozilla_deepspeech import load_mozilla_deepspeech, network_input
from unigs.stage.errors import UserError


def written(path, weights=None, prefix=""):
    path.write_bytes(graph(small_weights() if weights is None else weights, prefix))
    return path


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def cell(rows, kernel, bias):
    """TensorFlow's BasicLSTMCell with a forget bias of 1, row after row."""
    hidden = len(bias) // 4
    c, h, out = np.zeros(hidden), np.zeros(hidden), []
    for row in rows:
        i, j, f, o = np.split(np.concatenate([row, h]) @ kernel + bias, 4)
        c = c * sigmoid(f + 1.0) + sigmoid(i) * np.tanh(j)
        h = np.tanh(c) * sigmoid(o)
        out.append(h)
    return np.array(out)


def reference(weights, rows):
    """Logits [T,29] of rows [T,494], and how many numbers were cut off at 20."""
    w = {name: value.astype(float) for name, value in weights.items()}
    x, cut = rows.astype(float), 0
    for k in "123":
        x = x @ w[f"h{k}"] + w[f"b{k}"]
        cut += (x > 20).sum()
        x = np.minimum(np.maximum(x, 0), 20)
    name = "bidirectional_rnn/{}/basic_lstm_cell/{}"
    ahead, back = ([w[name.format(way, p)] for p in ("kernel", "bias")] for way in ("fw", "bw"))
    x = np.concatenate([cell(x, *ahead), cell(x[::-1], *back)[::-1]], 1)
    x = np.clip(x @ w["h5"] + w["b5"], 0, 20)
    return x @ w["h6"] + w["b6"], cut


@pytest.mark.parametrize("prefix", ["", "deepspeech/"])
def test_logits_are_those_of_the_formulas(tmp_path, prefix):
    weights = small_weights()
    network = load_mozilla_deepspeech(written(tmp_path / "d.pb", weights, prefix))
    samples = voice(1.3)
    expected, cut = reference(weights, network_input(samples))
    assert cut > 10  # the cut at 20 is seen
    got = network.transcribe(samples)
    assert got.shape == (66, 29) and np.ptp(expected, axis=0).min() > 0.1
    np.testing.assert_allclose(got, expected, atol=1e-3)


def test_the_input_is_the_lineages(tmp_path):
    """python_speech_features' rows, every second one, 9 to either side, one mean and deviation."""
    package = pytest.importorskip("python_speech_features")
    samples = voice(1.0)
    # Our rows are centered on multiples of 20 ms: their windows begin half a window earlier.
    whole = (np.pad(samples, 200) * 32768).astype(np.int16)
    rows = package.mfcc(whole, RATE, numcep=26)[::2]
    empty = np.zeros((9, 26))
    padded = np.concatenate([empty, rows, empty])
    stacked = np.array([padded[k : k + 19].reshape(-1) for k in range(len(rows))])
    stacked = (stacked - stacked.mean()) / stacked.std()
    np.testing.assert_allclose(network_input(samples), stacked, atol=1e-4)


def one_row(window):
    """26 cepstra of 400 samples of the emphasized sound, sum by sum."""
    spectrum = np.array([sum(x * np.exp(-2j * math.pi * k * n / 512) for n, x in enumerate(window))
                         for k in range(257)])  # fmt: skip
    power = np.abs(spectrum) ** 2 / 512
    top = 2595 * math.log10(1 + 8000 / 700)
    hertz = [700 * (10 ** (top * m / 27 / 2595) - 1) for m in range(28)]
    corner = [math.floor(513 * f / RATE) for f in hertz]
    logs = []
    for low, middle, high in zip(corner, corner[1:], corner[2:], strict=False):
        band = sum(power[i] * (i - low) / (middle - low) for i in range(low, middle))
        band += sum(power[i] * (high - i) / (high - middle) for i in range(middle, high))
        logs.append(math.log(band))
    row = [math.log(power.sum())]
    for k in range(1, 26):
        terms = [a * math.cos(math.pi * k * (2 * m + 1) / 52) for m, a in enumerate(logs)]
        row.append(math.sqrt(2 / 26) * sum(terms) * (1 + 11 * math.sin(math.pi * k / 22)))
    return row


def test_the_input_is_the_published_sum():
    samples = (np.random.default_rng(3).normal(0, 0.1, 320 * 5)).astype(np.float32)
    sound = np.trunc(np.concatenate([np.zeros(200), samples * 32768.0, np.zeros(600)]))
    sound = np.append(sound[0], sound[1:] - 0.97 * sound[:-1])
    # The padding behind the recording is that of the emphasized sound.
    sound[200 + len(samples) :] = 0
    rows = [one_row(sound[k * 320 : k * 320 + 400]) for k in range(4)]
    got = network_input(samples)
    assert got.shape == (6, 494)
    middle = got.reshape(6, 19, 26)[:, 9]
    # One scale and one shift for all numbers.
    slope, shift = np.polyfit(np.ravel(rows), middle[:4].reshape(-1), 1)
    np.testing.assert_allclose(middle[:4], slope * np.array(rows) + shift, atol=2e-4)
    np.testing.assert_allclose([got.mean(), got.std()], [0, 1], atol=1e-5)


def test_rows_stand_in_their_middle():
    """A click at row 20 makes the cepstra there the loudest."""
    samples = np.zeros(RATE, np.float32)
    samples[20 * 320 - 20 : 20 * 320 + 20] = 0.5
    energy = network_input(samples).reshape(-1, 19, 26)[:, 9, 0]
    assert energy.argmax() == 20 and energy[19] == energy[21] == energy.min()


def test_the_back_end_has_a_row_every_step(tmp_path):
    path = written(tmp_path / "deepspeech-0_1_0-b90017e8.pb")
    made = make_backend(SpeechSettings(backend="deepspeech", model=str(path), step_ms=10.0))
    samples = voice(0.8)
    rows = made.columns(samples)
    assert rows.shape == (81, 29) and rows.dtype == np.float32
    np.testing.assert_allclose(rows[::2], load_mozilla_deepspeech(path).transcribe(samples))


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.02, 0.11])
def test_short_recordings_and_silence_are_finite(tmp_path, seconds):
    network = load_mozilla_deepspeech(written(tmp_path / "d.pb"))
    count = max(1, round(seconds * RATE))
    got = network.transcribe(np.zeros(count, np.float32))
    assert got.shape == (count // 320 + 1, 29) and np.isfinite(got).all()


# --- the reader of graphs ------------------------------------------------------------------------


def test_constants_are_read_and_nothing_else(tmp_path):
    weights = small_weights()
    found = read_constants(written(tmp_path / "d.pb", weights))
    assert set(found) == {*weights, "Minimum/x"} and found["Minimum/x"] == 20
    for name, value in weights.items():
        np.testing.assert_array_equal(found[name], value)


def test_an_even_constant_may_hold_one_number(tmp_path):
    tensor = field(1, 1) + field(2, shape_of((2, 3))) + field(5, np.float32(0.5).tobytes())
    (tmp_path / "g.pb").write_bytes(node("zeros", "Const", value=tensor))
    (array,) = read_constants(tmp_path / "g.pb").values()
    np.testing.assert_array_equal(array, np.full((2, 3), 0.5))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.999])
def test_a_truncated_graph_is_one_sentence(tmp_path, share):
    path = written(tmp_path / "d.pb")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UserError, match="d.pb cannot be read as the frozen graph"):
        load_mozilla_deepspeech(path)


TWICE = constant("a", np.zeros(1)) * 2
SHORT = node("a", "Const", value=field(1, 1) + field(2, shape_of((9,))) + field(4, bytes(8)))
ODD = node("a", "Const", value=field(1, 1) + field(2, shape_of((1,))) + field(4, bytes(3)))
HUGE = node(
    "a", "Const", value=field(1, 1) + field(2, shape_of((1 << 40,) * 3)) + field(4, bytes(8))
)


@pytest.mark.parametrize(
    "content, words",
    [
        (TWICE, "a stands there twice"),
        (SHORT, "a has 2 numbers for the shape"),
        (HUGE, "a has 2 numbers for the shape"),
        (ODD, "a ends within a number"),
        (b"\x0a" + b"\xff" * 11, "no protocol buffer"),
        (b"just a text, no graph at all", "."),
        (b"\x80\x02}q\x00.", "."),
    ],
)
def test_what_is_no_graph_is_refused(tmp_path, content, words):
    (tmp_path / "g.pb").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_constants(tmp_path / "g.pb")


def without(name):
    return {key: value for key, value in small_weights().items() if key != name}


@pytest.mark.parametrize(
    "weights, words",
    [
        (without("h5"), "holds 0 constants named h5"),
        (small_weights() | {"import/h5": np.zeros((8, 5))}, "holds 2 constants named h5"),
        (small_weights() | {"h1": np.zeros((13 * 19, 7))}, "shapes of h1 do not fit"),
        (small_weights() | {"b6": np.zeros(28)}, "shapes of b6 do not fit"),
        (small_weights() | {"b6": np.zeros((29, 1))}, "b6 have other numbers of axes"),
    ],
)
def test_another_network_is_named(tmp_path, weights, words):
    with pytest.raises(UserError, match=words):
        load_mozilla_deepspeech(written(tmp_path / "d.pb", weights))
