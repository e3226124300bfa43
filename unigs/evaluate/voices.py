"""Stage compare_voices: how well lips that one clip taught follow the speech of another.

Lips alone, nothing rendered: the lips are learned from a clip's training frames as the dynamic
stage learns them, hear the other clip as `drive` hears any recording, and are compared with that
clip's own lips, its delay undone. A pooled prior knows neither of the two.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from unigs.evaluate.mouth import correlation
from unigs.lips.clip import TEST, TRAIN, LipClip, read_clips
from unigs.lips.networks import pretrain
from unigs.lips.pool import Moments, common_prior, pool
from unigs.lips.regression import fit_map, kind_of, prior_of
from unigs.media.audio import RATE, read_audio
from unigs.model.speech_net import SpeechNet
from unigs.settings.dynamic import LipSettings
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.speech.lip_prior import LipPrior
from unigs.stage import cli
from unigs.stage.files import atomic
from unigs.stage.progress import progress

COLUMNS = ("portrait", "voice", "frames", "opening_r", "width_r", "shuffled_r")
"""Columns of the table: the last is the opening's r with lips half a clip away."""
Priors = Callable[[LipClip, LipClip], LipPrior | None]


def compare_voices(
    subjects: tuple[str, ...],
    frame_table: tuple[Path, ...],
    landmarks: tuple[Path, ...],
    speech: tuple[Path, ...],
    audio: tuple[Path, ...],
    out: Path,
    settings: LipSettings,
) -> None:
    """Let the lips of every subject hear the clips of all subjects.

    Args:
        subjects: names of the subjects.
        frame_table: frame table of each (.csv).
        landmarks: face landmarks of each (.npz).
        speech: speech features of each (.npz).
        audio: sound of each clip (.wav).
        out: table to write (.csv), one row for each portrait and voice.
        settings: fields of the section `dynamic` that say how lips are learned.

    Raises:
        UserError: a file is missing or damaged, or describes other frames than its neighbors.
    """
    clips = read_clips(subjects, frame_table, landmarks, speech)
    sounds = {clip.name: read_audio(path, RATE) for clip, path in zip(clips, audio, strict=True)}
    ears = {clip.name: SpeechEncoder.from_json(clip.speech.encoder, clip.path) for clip in clips}
    raw = raw_columns(ears, sounds)
    priors = priors_of(clips, settings.lip_prior)
    rows = []
    for portrait in progress(clips, label="portraits"):
        net, taught = None, None
        for voice in clips:
            prior = priors(portrait, voice)
            if net is None or prior is not taught:
                net, taught = learned(portrait, prior, settings.seed), prior
            if voice is portrait:
                windows, lips = own_test(portrait)
            else:
                encoder, samples = ears[portrait.name], sounds[voice.name]
                columns = encoder.match(raw[portrait.name, voice.name], samples)
                windows, lips = hear(encoder, columns, voice), voice.lips[voice.frames()]
            figures = agreement(net, windows, lips)
            rows.append((portrait.name, voice.name, len(lips), *figures))
    with atomic(out) as temporary:
        table = pd.DataFrame(rows, columns=COLUMNS)
        table.to_csv(temporary, index=False, float_format="%.4f")


def priors_of(clips: list[LipClip], choice: str) -> Priors:
    """What is known of lips before portrait and voice are seen.

    Args:
        clips: all subjects.
        choice: shipped, pooled or none (`unigs.settings.dynamic.LipSettings.lip_prior`).
    """
    if choice != "pooled":
        shared = {clip.name: prior_of(clip.speech.encoder, choice) for clip in clips}
        return lambda portrait, _: shared[portrait.name]
    start, moments = common_prior(clips), {clip.name: Moments.of(clip) for clip in clips}

    def without(portrait: LipClip, voice: LipClip) -> LipPrior:
        others = [m for name, m in moments.items() if name not in (portrait.name, voice.name)]
        return pool(others, start) if others else start

    return without


def learned(clip: LipClip, prior: LipPrior | None, seed: int) -> SpeechNet:
    """Lips that the training frames of a clip teach, as in the dynamic stage.

    Args:
        clip: whose lips are learned.
        prior: what is known before; None: networks learn from the clip alone.
        seed: seed of the networks.
    """
    windows, frames = clip.speech.windows, clip.frames(TRAIN)
    net = SpeechNet(*windows.shape[1:], feature_dim=2, lip_dim=2, **kind_of(prior))
    if prior is None:
        pretrain(net, windows, clip.lips, frames, clip.speech.silence, seed=seed)
    else:
        fit_map(net, windows, clip.lips, frames, clip.speech.silence, prior)
    return net


def own_test(clip: LipClip) -> tuple[np.ndarray, np.ndarray]:
    """Windows [n,W,D] and lips [n,2] of the test frames of a clip, which taught nothing."""
    frames = clip.frames(TEST)
    return clip.speech.windows[frames], clip.lips[frames]


def raw_columns(
    ears: dict[str, SpeechEncoder], sounds: dict[str, np.ndarray]
) -> dict[tuple[str, str], np.ndarray]:
    """Raw features of every sound as every subject's encoder hears it, each sound heard once.

    Args:
        ears: subject -> its encoder; encoders of equal settings hear alike.
        sounds: subject -> samples [n] at `RATE`.
    """
    heard: dict[tuple[SpeechSettings, str], np.ndarray] = {}
    for voice, samples in progress(list(sounds.items()), label="sounds"):
        for encoder in ears.values():
            if (encoder.settings, voice) not in heard:
                heard[encoder.settings, voice] = encoder.columns(samples)
    return {(name, voice): heard[ears[name].settings, voice] for name in ears for voice in sounds}


def hear(ears: SpeechEncoder, columns: np.ndarray, voice: LipClip) -> np.ndarray:
    """Windows [n,W,D] of a voice's kept frames as a portrait hears them.

    Args:
        ears: the portrait's encoder.
        columns: the voice's features, moved into the portrait's profile.
        voice: the voice's clip.
    """
    table = voice.table
    raw = ears.windows(columns, len(table), table.fps, voice.speech.offset)
    return ears.normalize(raw)[voice.frames()]


@torch.no_grad()
def agreement(net: SpeechNet, windows: np.ndarray, lips: np.ndarray) -> list[float | None]:
    """Correlation of predicted with true opening and width, and of the opening with a wrong one.

    Args:
        net: lips that hear.
        windows: speech [n,W,D].
        lips: true opening and width [n,2].
    """
    moved = net.lips(torch.from_numpy(windows)).numpy()
    wrong = np.roll(lips[:, 0], len(lips) // 2)
    pairs = ((moved[:, 0], lips[:, 0]), (moved[:, 1], lips[:, 1]), (moved[:, 0], wrong))
    return [correlation(*pair) for pair in pairs]


if __name__ == "__main__":
    cli.run(compare_voices)
