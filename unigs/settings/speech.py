"""Settings of encode_speech: what the portrait hears."""

from dataclasses import dataclass
from typing import Annotated, Literal

from unigs.stage.bounds import Bounds


@dataclass(frozen=True)
class SpeechSettings:
    """Section 3.2 of the paper; the choice of features is measured in docs/method.md."""

    backend: Literal["auto", "logmel", "mfcc", "whisper", "deepspeech", "wav2vec2"] = "auto"
    """Speech features. logmel: energies of mel bands in dB. mfcc: cepstra of the mel bands.
    whisper, deepspeech, wav2vec2: what a network hears, read from `speech.model`. auto: whisper
    where its model is there, else logmel."""
    model: str = ""
    """Path of the network: a file with the encoder of OpenAI's Whisper (empty: whisper-tiny-en of
    the pretrained models), a deepspeech.pytorch checkpoint or the frozen graph of Mozilla's
    DeepSpeech 0.1.0 (.pb), or a wav2vec2 or HuBERT folder of transformers."""
    layer: Annotated[int, Bounds(0, 64)] = 0
    """Layer whose hidden states are the features (back-ends whisper, wav2vec2); 1 is the first. 0:
    the middle one of whisper (2 of 4 in the usual model), the last one of wav2vec2 and HuBERT."""
    bands: Annotated[int, Bounds(4, 256)] = 40
    """Number of mel bands (the paper has a 40-dimensional filter bank)."""
    coefficients: Annotated[int, Bounds(1, 256)] = 40
    """Number of cepstral coefficients that the back-end mfcc keeps (not in the paper)."""
    window_ms: Annotated[float, Bounds(5, 500)] = 50.0
    """Length of the spectral analysis window in milliseconds (the paper has 25). 50 ms smooths over
    the voice's pitch, 25 ms does not."""
    step_ms: Annotated[float, Bounds(1, 200)] = 20.0
    """Time in milliseconds from one column of a frame's speech window to the next (the paper gives
    none). logmel and mfcc take whole samples, multiples of 0.0625."""
    context_ms: Annotated[float, Bounds(20, 2000)] = 340.0
    """Milliseconds of speech that one frame hears, centered on the frame (the paper has 350; here
    whole steps)."""
    level_db: Annotated[float, Bounds(-100, 0)] = -23.0
    """Loudness that the active speech of every recording is scaled to: RMS in dB of full scale (not
    in the paper)."""
    floor_db: Annotated[float, Bounds(above=0, maximum=200)] = 60.0
    """Decibels below the loudness of speech under which every sound counts as silence (not in the
    paper)."""
    max_offset: Annotated[int, Bounds(0, 250)] = 10
    """Largest delay in frames between sound and picture that is searched for and undone (not in the
    paper). Needs the landmarks. 0: take the clip to be in sync."""
