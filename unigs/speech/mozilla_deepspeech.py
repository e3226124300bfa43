"""Mozilla's DeepSpeech 0.1.0, with which AD-NeRF and its successors hear: a frozen graph (.pb).

26 cepstra every 20 ms, nine rows to either side beside them, three layers that are cut off at 0
and 20, an LSTM in both directions, two more layers: 29 logits (blank, space, a to z, apostrophe),
50 per second. Sizes are read off the weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from unigs.pretrained.frozen_graph import read_constants
from unigs.speech.cepstra import HOP, WINDOW, cepstra
from unigs.stage.errors import UserError

CEPSTRA, CONTEXT = 26, 9
"""Numbers per row, and rows to either side that are heard with it."""
STRIDE = 2
"""Every so many rows of the cepstra one is kept: 20 ms."""
MOST = 20.0
"""Value at which the layers are cut off."""
FORGET = 1.0
"""What TensorFlow's cell adds to the gate that forgets."""
LAYERS = "h1", "b1", "h2", "b2", "h3", "b3", "h5", "b5", "h6", "b6"
"""Names of the weights and biases of all layers but the fourth."""
CELL = "bidirectional_rnn/{}/basic_lstm_cell/{}"
"""Name of a matrix of the fourth layer, in the direction fw or bw: kernel or bias."""


class MozillaDeepSpeech(nn.Module):
    """The network.

    Args:
        weights: constants by the names of `LAYERS` and `CELL`.
    """

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({k: _linear(weights, k) for k in ("1", "2", "3", "5", "6")})
        kernels = [weights[CELL.format(way, "kernel")] for way in ("fw", "bw")]
        hidden = kernels[0].shape[1] // 4
        self.lstm = nn.LSTM(len(kernels[0]) - hidden, hidden, bidirectional=True)
        for way, end in (("fw", ""), ("bw", "_reverse")):
            kernel, bias = (weights[CELL.format(way, part)] for part in ("kernel", "bias"))
            _fill_lstm(self.lstm, end, kernel, bias)
        self.eval()

    @torch.no_grad()
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows of cepstra with their neighbors [T,494] to logits [T,29]."""
        x = rows
        for name in ("1", "2", "3"):
            x = self.layers[name](x).clamp(0, MOST)
        x, _ = self.lstm(x)
        return self.layers["6"](self.layers["5"](x).clamp(0, MOST))

    def transcribe(self, samples: np.ndarray) -> np.ndarray:
        """Samples [n] at 16 kHz to logits [50 per second, 29]; row i is centered on i * 20 ms."""
        return self(torch.from_numpy(network_input(samples))).numpy()


def network_input(samples: np.ndarray) -> np.ndarray:
    """What the network is given: float32 [n // 320 + 1, 494].

    Each row holds the cepstra of 19 windows, 20 ms apart, the middle one its own; beyond the ends
    of the recording they are 0. All numbers of a recording together are brought to mean 0 and
    deviation 1, as for the network's training.

    Args:
        samples: float [n] in [-1, 1] at 16 kHz.
    """
    # A window of the cepstra begins at its row: here it is centered on it.
    count = len(samples) // (STRIDE * HOP) + 1
    whole = (count - 1) * STRIDE * HOP + WINDOW
    padded = np.pad(samples, (WINDOW // 2, max(0, whole - len(samples) - WINDOW // 2)))
    rows = cepstra(padded, CEPSTRA)[::STRIDE][:count].astype(np.float64)
    around = np.pad(rows, ((CONTEXT, CONTEXT), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(around, 2 * CONTEXT + 1, axis=0)
    windows = windows.transpose(0, 2, 1).reshape(count, -1)
    spread = windows.std()
    return ((windows - windows.mean()) / max(float(spread), 1e-6)).astype(np.float32)


def load_mozilla_deepspeech(path: Path) -> MozillaDeepSpeech:
    """Build the network of a frozen graph.

    Raises:
        UserError: the file is damaged, or holds another network.
    """
    try:
        weights = _named(read_constants(path))
        _check(weights)
    except (ValueError, OSError) as error:
        raise UserError(
            f"{path} cannot be read as the frozen graph of DeepSpeech 0.1.0 ({error}): get it anew."
        ) from None
    return MozillaDeepSpeech(weights)


def _named(constants: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The network's constants by their own names, without what an import put before them.

    Raises:
        ValueError: one is not there, or several bear its name.
    """
    cells = [CELL.format(way, part) for way in ("fw", "bw") for part in ("kernel", "bias")]
    found = {}
    for name in (*LAYERS, *cells):
        ends = [full for full in constants if full == name or full.endswith(f"/{name}")]
        if len(ends) != 1:
            raise ValueError(f"it holds {len(ends)} constants named {name}, expected one")
        found[name] = constants[ends[0]]
    return found


def _check(weights: dict[str, np.ndarray]) -> None:
    """Compare the shapes of all constants.

    Raises:
        ValueError: one does not fit the others.
    """
    wrong = [name for name, a in weights.items() if a.ndim != (2 if _matrix(name) else 1)]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} have other numbers of axes")
    widths = {name: a.shape[-1] for name, a in weights.items()}
    hidden = widths[CELL.format("fw", "bias")] // 4
    rows = {
        "h1": CEPSTRA * (2 * CONTEXT + 1),
        "h2": widths["h1"],
        "h3": widths["h2"],
        CELL.format("fw", "kernel"): widths["h3"] + hidden,
        CELL.format("bw", "kernel"): widths["h3"] + hidden,
        "h5": 2 * hidden,
        "h6": widths["h5"],
    }
    columns = {f"b{k}": widths[f"h{k}"] for k in (1, 2, 3, 5, 6)}
    columns |= {CELL.format(w, p): 4 * hidden for w in ("fw", "bw") for p in ("kernel", "bias")}
    wrong = [name for name, count in rows.items() if len(weights[name]) != count]
    wrong += [name for name, count in columns.items() if widths[name] != count]
    if wrong or not hidden:
        raise ValueError(f"the shapes of {', '.join(wrong) or 'its cell'} do not fit the others")


def _matrix(name: str) -> bool:
    return name.startswith("h") or name.endswith("kernel")


def _linear(weights: dict[str, np.ndarray], number: str) -> nn.Linear:
    """A layer of TensorFlow's matrix [inputs, outputs] and bias."""
    matrix = weights[f"h{number}"]
    layer = nn.utils.skip_init(nn.Linear, *matrix.shape)
    layer.weight.data.copy_(_tensor(matrix).T)
    layer.bias.data.copy_(_tensor(weights[f"b{number}"]))
    return layer


def _fill_lstm(lstm: nn.LSTM, end: str, kernel: np.ndarray, bias: np.ndarray) -> None:
    """Give one direction of an LSTM the weights of TensorFlow's BasicLSTMCell.

    Its kernel [inputs + hidden, 4 hidden] has the gates in the order input, new, forget, output;
    torch has input, forget, new, output, and no constant beside the forget gate's bias.
    """
    inputs = lstm.input_size
    gates = [*np.split(kernel, 4, axis=1)]
    order = [gates[k] for k in (0, 2, 1, 3)]
    split = [*np.split(bias, 4)]
    split[2] = split[2] + np.float32(FORGET)
    for name, rows in (("ih", slice(None, inputs)), ("hh", slice(inputs, None))):
        matrix = np.concatenate([gate[rows].T for gate in order])
        getattr(lstm, f"weight_{name}_l0{end}").data.copy_(_tensor(matrix))
    joined = np.concatenate([split[k] for k in (0, 2, 1, 3)])
    getattr(lstm, f"bias_ih_l0{end}").data.copy_(_tensor(joined))
    getattr(lstm, f"bias_hh_l0{end}").data.zero_()


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(values, np.float32))
