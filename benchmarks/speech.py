"""A recording heard by each speech encoder that needs no file, whole and live, and its cost.

Whisper has the sizes of tiny and random weights, which cost the same as the real ones.
"""

from functools import partial

import numpy as np
import torch

from benchmarks import harness
from tests.support.sounds import speech
from tests.support.whisper import made_net, torch_states
from unigs.compute.threads import get_threads
from unigs.settings.speech import SpeechSettings
from unigs.speech.backends import make_backend
from unigs.speech.whisper_mel import floor_of
from unigs.speech.whisper_windows import WINDOW, Listener, LiveListener, hear

LAYER = 2
"""Layer whose states are taken, of four."""
GROUP = "Whisper, one window"


def live(listener: Listener, samples: np.ndarray) -> np.ndarray:
    """The recording in pieces of 20 ms, as a microphone gives it."""
    made = LiveListener(listener)
    pieces = [made.push(piece) for piece in np.split(samples, range(320, len(samples), 320))]
    return np.concatenate([*pieces, made.finish()])


def difference(a: torch.Tensor, b: torch.Tensor) -> str:
    """Largest difference of two windows of states."""
    return f"differs by at most {float((a - b).abs().max()):.1e}"


def bench(report: harness.Report, sizes: harness.Sizes) -> None:
    """Add the comparisons of this module to the report."""
    width, length = (384, 30) if sizes.seconds else (64, 3)
    net = made_net(width, layers=4, rows=1500)
    mel = torch.randn(1, 80, 2 * WINDOW, generator=torch.Generator().manual_seed(0))
    report.rows += harness.compare(
        GROUP,
        f"{WINDOW * 20 / 1000:g} s, {width} numbers, layer {LAYER} of 4",
        {
            "own module": partial(net, mel, LAYER),
            "torch TransformerEncoderLayer": partial(torch_states, net, mel, LAYER),
        },
        seconds=sizes.seconds,
        agreement=difference,
    )
    listener, samples = Listener(net, LAYER, floor_of(-23.0)), speech(length)
    heard = harness.compare(
        "A recording heard",
        f"{length} s",
        {
            "logmel": partial(make_backend(SpeechSettings(backend="logmel")).columns, samples),
            "whisper": partial(hear, listener, samples),
            "whisper, live": partial(live, listener, samples),
        },
        seconds=sizes.seconds,
    )
    report.rows += heard
    report.facts += [
        {
            "encoder": row.name,
            "threads": get_threads(),
            "CPU time, % of real time": row.cpu_ms / 10 / length,
        }
        for row in heard
    ]


main = partial(harness.run, "speech", bench, 10.0)

if __name__ == "__main__":
    main()
