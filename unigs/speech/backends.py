"""Speech back-ends: each turns samples into a row of features for every time step.

torch is imported by the back-ends that run a network: the others do without.
"""

import importlib.util
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from unigs.media.audio import RATE
from unigs.pretrained.auto import SPEECH_MODEL, settle_speech
from unigs.settings.speech import SpeechSettings
from unigs.speech.model_file import digest
from unigs.speech.projection import find_projection
from unigs.speech.spectral import dct_matrix, log_mel
from unigs.stage.errors import UserError

if TYPE_CHECKING:
    from unigs.speech.whisper_windows import LiveListener, LiveWindows

log = logging.getLogger("unigs")

PIECE = 3000
"""Columns that the spectral back-ends compute at once."""


class Backend(Protocol):
    """A speech back-end."""

    spectral: bool
    """Whether another loudness or frequency response of a recording only shifts the features."""

    model: str | None
    """What the setting speech.model must name; None: nothing."""

    settings: SpeechSettings
    """What the back-end was made of, with nothing left open."""

    projection: str
    """Checksum of the map from the network's states to the features; empty: there is none."""

    def __init__(self, settings: SpeechSettings) -> None:
        """Load what the back-end needs.

        Raises:
            UserError: the model cannot be read, or a package is missing.
        """

    def columns(self, samples: np.ndarray) -> np.ndarray:
        """Features float32 [N,D] of samples [n] at 16 kHz; row i is centered on i * step_ms."""


class Spectral:
    """Log-mel energies, or their cepstra, with a floor at a fixed level below speech.

    The floor makes complete silence and a quiet room the same, in every recording.
    """

    spectral, model, projection = True, None, ""

    def __init__(self, settings: SpeechSettings) -> None:
        if settings.backend == "mfcc" and settings.coefficients > settings.bands:
            raise UserError(
                f"coefficients is {settings.coefficients}, but there are only {settings.bands} "
                "bands to take them from: raise speech.bands."
            )
        hop = settings.step_ms * RATE / 1000
        if hop != round(hop):
            # Rounded, the columns would come ever later or earlier than the frames that hear them.
            raise UserError(
                f"step_ms is {settings.step_ms:g}, which is {hop:g} samples at {RATE / 1000:g} kHz "
                f"and must be a whole number of them for the back-end {settings.backend}: set "
                f"speech.step_ms to {round(hop) * 1000 / RATE:.6g}."
            )
        self.settings = settings
        self.window = round(settings.window_ms * RATE / 1000)
        self.hop = round(hop)
        self.n_fft = 1 << (self.window - 1).bit_length()

    def columns(self, samples: np.ndarray) -> np.ndarray:
        # Silence around: a reflected end would repeat speech.
        context = -(-self.n_fft // self.hop) * self.hop
        padded = np.pad(samples, context).astype(np.float32)
        count = len(samples) // self.hop + 1
        # In pieces, since a spectrum takes twenty times the memory of its sound.
        pieces = [
            self.piece(padded[k * self.hop : (k + PIECE) * self.hop + 2 * context], context)[:PIECE]
            for k in range(0, count, PIECE)
        ]
        return np.concatenate(pieces)[:count]

    def piece(self, samples: np.ndarray, context: int) -> np.ndarray:
        """Columns [N,D] of samples [n], leaving out `context` samples at both ends."""
        s = self.settings
        bands = log_mel(
            samples, s.bands, window=self.window, hop=self.hop, n_fft=self.n_fft, top_db=None
        )
        bands = bands[:, context // self.hop :]
        # White noise as loud as the speech has this power in every bin (the Hann window keeps 3/8).
        reference = 10 * np.log10(0.375 * self.window) + s.level_db
        bands = np.maximum(bands, np.float32(reference - s.floor_db))
        if s.backend == "mfcc":
            bands = dct_matrix(s.coefficients, s.bands).astype(np.float32) @ bands
        return bands.T


class DeepSpeech:
    """Logits of letters, 50 per second, of a deepspeech.pytorch checkpoint, or of Mozilla's graph.

    Mozilla's, which lip-sync papers mean by DeepSpeech, ends in .pb.
    """

    spectral, model, projection = False, "checkpoint (.ckpt) or frozen graph (.pb)", ""

    def __init__(self, settings: SpeechSettings) -> None:
        path, self.settings = Path(settings.model), settings
        if path.suffix == ".pb":
            from unigs.speech.mozilla_deepspeech import load_mozilla_deepspeech

            self.transcribe = load_mozilla_deepspeech(path).transcribe
            return
        import torch

        from unigs.speech.deepspeech import load_deepspeech

        net = load_deepspeech(path)
        self.transcribe = lambda samples: net.transcribe(torch.from_numpy(samples)).numpy()

    def columns(self, samples: np.ndarray) -> np.ndarray:
        logits = self.transcribe(samples)
        return resample_rows(logits, 20.0, self.settings.step_ms, len(samples))


class Whisper:
    """Hidden states of a layer of Whisper's encoder, 50 per second."""

    spectral, model = False, "file of Whisper's encoder"

    def __init__(self, settings: SpeechSettings) -> None:
        from unigs.speech.whisper import load_whisper
        from unigs.speech.whisper_mel import floor_of
        from unigs.speech.whisper_windows import Listener

        path = Path(settings.model)
        net = load_whisper(path)
        layer = pick_layer(settings, len(net.blocks), (len(net.blocks) + 1) // 2)
        found = find_projection(digest(path), layer)
        self.settings = replace(settings, layer=layer)
        self.projection = found.sha256 if found else ""
        self.listener = Listener(net, layer, floor_of(settings.level_db), found)

    def columns(self, samples: np.ndarray) -> np.ndarray:
        from unigs.speech.whisper_windows import hear

        rows = hear(self.listener, samples)
        return resample_rows(rows, 20.0, self.settings.step_ms, len(samples))

    def live(self, windows: "LiveWindows | None" = None) -> "LiveListener":
        """What hears a recording while it is being made, in rows of 20 ms."""
        from unigs.speech.whisper_windows import LiveListener

        return LiveListener(self.listener, windows)


class Transformer:
    """Hidden states of a layer of a wav2vec2 or HuBERT folder, 50 per second, by transformers."""

    spectral, model, projection = False, "model's folder", ""
    PIECE, CONTEXT = 20 * RATE, RATE
    """Long recordings go through in pieces of 20 s with 1 s of context on both sides."""
    SPAN = 400
    """Samples that one row of the network sees."""

    def __init__(self, settings: SpeechSettings) -> None:
        if importlib.util.find_spec("transformers") is None:
            raise UserError(
                "speech back-end wav2vec2 needs the package transformers, which is not installed: "
                "install it, or use the back-end logmel, which needs nothing."
            )
        from transformers import AutoModel

        try:
            # Without code from the folder, which transformers would else ask about and run.
            self.net = AutoModel.from_pretrained(
                settings.model, local_files_only=True, trust_remote_code=False
            ).eval()
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"{settings.model} is not a wav2vec2 or HuBERT folder: {reason}"
            ) from None
        # Whatever a damaged or hostile file makes its reader stumble over; torch's words advise to
        # run its code.
        except Exception as error:
            raise UserError(
                f"{settings.model} cannot be read as a wav2vec2 or HuBERT folder without running "
                f"code from it, or is damaged ({type(error).__name__}): get it anew."
            ) from None
        self.layers = self.net.config.num_hidden_layers
        self.settings = replace(settings, layer=pick_layer(settings, self.layers, self.layers))

    def columns(self, samples: np.ndarray) -> np.ndarray:
        import torch

        rows, count = [], len(samples)
        # Row i of the network sees SPAN samples from 320 i on; here it is centered on 320 i.
        samples = np.pad(samples, self.SPAN // 2)
        for start in range(0, max(count, 1), self.PIECE):
            left = min(start, self.CONTEXT)
            piece = samples[start - left : start + self.PIECE + self.CONTEXT]
            heard = torch.from_numpy(piece)[None]
            heard = (heard - heard.mean()) / (heard.std() + 1e-7)
            with torch.no_grad():
                out = self.net(heard, output_hidden_states=True)
            layer = self.settings.layer  # 0 of the states is what goes into the first layer
            last = layer == self.layers  # which a model may still pass on to an adapter
            states = (out.last_hidden_state if last else out.hidden_states[layer])[0]
            keep = slice(left // 320, left // 320 + self.PIECE // 320)
            rows.append(states[keep].numpy())
        return resample_rows(np.concatenate(rows), 20.0, self.settings.step_ms, count)


def pick_layer(settings: SpeechSettings, layers: int, usual: int) -> int:
    """The layer that the settings ask for.

    Args:
        settings: with the layer, or 0.
        layers: number of layers of the model.
        usual: what 0 stands for.

    Raises:
        UserError: the model has fewer layers.
    """
    if settings.layer > layers:
        raise UserError(
            f"layer is {settings.layer}, but {settings.model} has only {layers} layers: set "
            f"speech.layer to one of them, from 1 to {layers}."
        )
    return settings.layer or usual


def resample_rows(rows: np.ndarray, from_ms: float, to_ms: float, samples: int) -> np.ndarray:
    """Linear interpolation of rows in time.

    Args:
        rows: features [N,D].
        from_ms: time between two given rows, milliseconds.
        to_ms: time between two wanted rows, milliseconds.
        samples: length of the recording in samples at RATE; says how many rows are wanted.

    Returns:
        float32 [samples at RATE // to_ms + 1, D].
    """
    count = int(samples * 1000 / RATE // to_ms) + 1
    if from_ms == to_ms and count <= len(rows):
        return rows[:count].astype(np.float32, copy=False)
    position = np.clip(np.arange(count) * to_ms / from_ms, 0, len(rows) - 1)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, len(rows) - 1)
    share = (position - low)[:, None]
    return (rows[low] * (1 - share) + rows[high] * share).astype(np.float32)


BACKENDS: dict[str, type[Backend]] = {
    "logmel": Spectral,
    "mfcc": Spectral,
    "whisper": Whisper,
    "deepspeech": DeepSpeech,
    "wav2vec2": Transformer,
}
"""Every speech back-end by the name that the setting speech.backend gives it."""


def settle(settings: SpeechSettings) -> SpeechSettings:
    """Settings whose back-end and model are not left open; the log says what auto has become."""
    backend, model = settle_speech(settings.backend, settings.model)
    if settings.backend == "auto":
        missing = f"without {SPEECH_MODEL}: unigs models fetch {SPEECH_MODEL} gets it"
        log.info("speech back-end auto: %s, %s", backend, model or missing)
    return replace(settings, backend=backend, model=model)


def make_backend(settings: SpeechSettings) -> Backend:
    """The back-end that the settings ask for.

    Raises:
        UserError: its model is missing, cannot be read, or needs a package that is not there.
    """
    settings = settle(settings)
    made = BACKENDS[settings.backend]
    if made.model and not (settings.model and Path(settings.model).exists()):
        fetch = f" (unigs models fetch {SPEECH_MODEL})" if made is Whisper else ""
        raise UserError(
            f"speech back-end {settings.backend} needs a model, but model is "
            f"{settings.model or 'empty'}: set speech.model to the {made.model}{fetch}, or use the "
            "back-end logmel, which needs none."
        )
    return made(settings)
