"""Made-up sounds and networks for the tests of speech."""

import numpy as np
import scipy.fft
import scipy.ndimage
import scipy.signal
import torch

from unigs.media.audio import RATE
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder


def voice(seconds, seed=0):
    """Noise bursts of changing color with pauses between: as varied as speech."""
    rng = np.random.default_rng(seed)
    out = []
    while sum(map(len, out)) < seconds * RATE:
        length = int(rng.uniform(0.05, 0.3) * RATE)
        b, a = scipy.signal.butter(2, rng.uniform(300, 3000) / (RATE / 2))
        burst = scipy.signal.lfilter(b, a, rng.normal(size=length)) * rng.uniform(0.05, 0.5)
        out += [burst * np.hanning(length), np.zeros(int(rng.uniform(0, 0.1) * RATE))]
    return np.concatenate(out)[: int(seconds * RATE)].astype(np.float32)


def fitted(samples, count, fps=25.0, **options):
    encoder = SpeechEncoder(SpeechSettings(**options))
    raw = encoder.windows(encoder.columns(samples), count, fps)
    encoder.fit(raw)
    return encoder, encoder.normalize(raw)


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


def speech(seconds, seed=0):
    rng = np.random.default_rng(seed)
    loudness = np.interp(
        np.arange(int(seconds * RATE)) / RATE, np.arange(0, seconds + 1, 0.15),
        rng.uniform(0.3, 1, len(np.arange(0, seconds + 1, 0.15))),
    )  # fmt: skip
    return (rng.normal(size=len(loudness)) * loudness * 0.1).astype(np.float32)
