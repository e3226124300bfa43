"""How well lips that one clip taught follow the speech of another: lips alone, nothing rendered.

    python -m benchmarks.voices results katie_hill amy obama

Each subject's folder needs clip/frames.csv, face/landmarks.npz and speech/ of the preparation. The
lips are learned from the training frames as the dynamic stage learns them, hear the other clip as
`drive` hears any recording, and are compared with that clip's own lips, its delay undone.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from unigs.face.lips import lip_code
from unigs.lips.networks import pretrain
from unigs.lips.regression import fit_map
from unigs.media.audio import RATE, read_audio
from unigs.model.speech_net import SpeechNet
from unigs.speech.encoder import SpeechEncoder
from unigs.stage.progress import progress
from unigs.subject.features import Landmarks, SpeechFeatures
from unigs.subject.frame_table import TEST, TRAIN, FrameTable, read_frame_table

COLUMNS = "portrait,voice,opening_r,width_r"


@dataclass(frozen=True)
class Subject:
    """What is known of a clip."""

    table: FrameTable
    speech: SpeechFeatures
    lips: np.ndarray
    """Opening and width [T,2], z-scored over the training frames."""
    samples: np.ndarray
    """Sound [n] at RATE."""
    encoder: SpeechEncoder

    def frames(self, split: str | None = None) -> np.ndarray:
        """Kept frames with lips, of one split or of all, bool [T]."""
        chosen = self.table.keep & np.isfinite(self.lips).all(1)
        return chosen if split is None else chosen & (self.table.split == split)


def read_subject(folder: Path) -> Subject:
    """The files of a subject's preparation."""
    table, path = read_frame_table(folder / "clip/frames.csv"), folder / "speech/features.npz"
    speech, marks = SpeechFeatures.read(path), Landmarks.read(folder / "face/landmarks.npz")
    lips = lip_code(marks.points, table.keep & (table.split == TRAIN))
    encoder = SpeechEncoder.from_json(speech.encoder, path)
    return Subject(table, speech, lips, read_audio(folder / "speech/audio.wav", RATE), encoder)


def taught(subject: Subject) -> SpeechNet:
    """Lips that the training frames of a subject taught, as the dynamic stage does it."""
    prior, windows = subject.encoder.prior, subject.speech.windows
    kind = "networks" if prior is None else "map"
    net = SpeechNet(*windows.shape[1:], feature_dim=2, lip_dim=2, lips=kind)
    frames, silence = np.flatnonzero(subject.frames(TRAIN)), subject.speech.silence
    if prior is None:
        pretrain(net, windows, subject.lips, frames, silence)
    else:
        fit_map(net, windows, subject.lips, frames, silence, prior)
    return net


@torch.no_grad()
def agreement(net: SpeechNet, portrait: Subject, voice: Subject) -> list[float]:
    """Correlation of opening and width that a voice makes a portrait's lips do with the true ones.

    The own voice is judged on the test frames, another's on all.
    """
    if portrait is voice:
        windows, frames = portrait.speech.windows, portrait.frames(TEST)
    else:
        ears, table = portrait.encoder, voice.table
        columns = ears.foreign_columns(voice.samples)
        raw = ears.windows(columns, len(table), table.fps, voice.speech.offset)
        windows, frames = ears.normalize(raw), voice.frames()
    moved = net.lips(torch.from_numpy(windows[frames])).numpy()
    pairs = zip(moved.T, voice.lips[frames].T, strict=True)
    return [float(np.corrcoef(a, b)[0, 1]) for a, b in pairs]


def main() -> None:
    """Print every pair, and the means."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("results", type=Path, help="results folder of the workflow")
    parser.add_argument("subjects", nargs="+", help="names of prepared subjects")
    given = parser.parse_args()
    subjects = {name: read_subject(given.results / name) for name in given.subjects}
    own, other = [], []
    print(COLUMNS)
    for name, portrait in progress(list(subjects.items()), label="portraits"):
        net = taught(portrait)
        for heard, voice in subjects.items():
            found = agreement(net, portrait, voice)
            (own if voice is portrait else other).append(found)
            print(f"{name},{heard},{found[0]:.3f},{found[1]:.3f}")
    for label, rows in (("own voice, test part", own), ("other voices", other)):
        if rows:
            print("# {}: opening {:.3f}, width {:.3f}".format(label, *np.mean(rows, 0)))


if __name__ == "__main__":
    main()
