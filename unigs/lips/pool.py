"""Stage pool_lips: a lip prior that the clips of OTHER people teach, for one subject.

Speech carries the lips much alike in all people once features and lips are centered for each
(`unigs.lips.regression`), so the clips of a sheet are a better start for a new person than
synthetic voices are. A least squares fit needs of a clip its moments alone, which add up: pools
that leave out this or that person cost one solution each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from unigs.lips.clip import LipClip, read_clips
from unigs.speech.lip_prior import LipPrior, central, find_prior
from unigs.stage import cli
from unigs.stage.errors import UserError

PENALTY = 1.0
"""Penalty of the pool's distance from the shipped prior, in units of the mean variance of a
feature; .3 and 3 give the same correlation within .01."""
STRENGTH = 10.0
"""How much a clip's own fit holds on to the pool, see `LipPrior.strength`: more than to synthetic
voices (3), since it is closer to the truth. docs/log.md has the figures."""


@dataclass(frozen=True)
class Moments:
    """Second moments of a clip's centered speech and lips, per frame: each clip weighs the same."""

    gram: np.ndarray
    """Of features with features, float64 [I,I]."""
    cross: np.ndarray
    """Of features with opening and width, float64 [I,2]."""

    @classmethod
    def of(cls, clip: LipClip) -> Moments:
        """Moments of all kept frames of a clip that show a face.

        Raises:
            UserError: there is no such frame, or the windows are too short.
        """
        frames = clip.frames()
        if not len(frames):
            raise UserError(f"{clip.table.path} keeps no frame with a face: screen less strictly.")
        heard = central(clip.speech.windows[frames]).astype(np.float64)
        lips = clip.lips[frames].astype(np.float64)
        heard, lips = heard - heard.mean(0), lips - lips.mean(0)
        return cls(heard.T @ heard / len(frames), heard.T @ lips / len(frames))


def pool(moments: Iterable[Moments], start: LipPrior) -> LipPrior:
    """The map from speech to lips that serves several people best.

    Args:
        moments: of the people, at least one.
        start: prior that is held on to where the people say nothing; its detector of speech stays.
    """
    moments = list(moments)
    gram, cross = sum(m.gram for m in moments), sum(m.cross for m in moments)
    penalty = PENALTY * np.trace(gram) / len(gram)
    first = start.lips.reshape(-1, 2).astype(np.float64)
    lips = np.linalg.solve(gram + penalty * np.eye(len(gram)), cross + penalty * first)
    return replace(start, lips=lips.reshape(start.lips.shape).astype(np.float32), strength=STRENGTH)


def common_prior(clips: list[LipClip]) -> LipPrior:
    """The shipped prior of features that all clips share.

    Args:
        clips: at least one clip.

    Raises:
        UserError: clips have features of different encoders, or of one without a prior.
    """
    first, *others = clips
    for clip in others:
        if clip.projection != first.projection:
            raise UserError(
                f"{first.path} and {clip.path} hold features of different speech encoders: "
                "encode the speech of all subjects with the same settings of the section speech."
            )
    prior = find_prior(first.projection)
    if prior is None:
        raise UserError(
            f"{first.path} holds features of {first.speech.backend}, for which UniGS knows no lip "
            "prior: use speech.backend whisper, or set dynamic.lip_prior to none."
        )
    return prior


def pool_lips(
    subjects: tuple[str, ...],
    frame_table: tuple[Path, ...],
    landmarks: tuple[Path, ...],
    speech: tuple[Path, ...],
    out: Path,
) -> None:
    """Learn a lip prior from the clips of several people.

    Args:
        subjects: names of the people, never of the one that the prior is for.
        frame_table: frame table of each (.csv).
        landmarks: face landmarks of each (.npz).
        speech: speech features of each (.npz), all of one encoder.
        out: lip prior to write (.safetensors).

    Raises:
        UserError: a file is missing or damaged, or the features have no shipped prior or differ.
    """
    clips = read_clips(subjects, frame_table, landmarks, speech)
    start = common_prior(clips)
    pool(map(Moments.of, clips), start).write(out)


if __name__ == "__main__":
    cli.run(pool_lips)
