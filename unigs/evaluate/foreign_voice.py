"""Stage judge_voice: does a driven portrait move its lips as the speaker of the recording did?

A clip of another person gives both a foreign voice and the lips that belong to it. The portrait is
driven by that clip's sound as by any recording; its lips are found in the video and compared with
the speaker's. Two people have different mouths: openings are correlated, and the speaker's motion
is scaled to the liveliness of the portrait's own clip before distances are taken.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unigs.compute.device import device_name, pick_device
from unigs.evaluate.lip_view import Face, LipJudge, LipView, judges, mesh_points
from unigs.evaluate.mouth import REFERENCE_SIZE, correlation
from unigs.evaluate.records import Record, measured, write_records
from unigs.media.video import probe
from unigs.settings.evaluate import LipJudgeSettings
from unigs.stage import cli
from unigs.subject.features import Landmarks, SpeechFeatures
from unigs.subject.frame_table import FrameTable, read_frame_table

FEWEST = "fewer than 3 frames show a face in both, or the opening is constant"
"""Why figures are empty."""


@dataclass(frozen=True)
class Seen:
    """What one judge sees of render, speaker and the portrait's own clip."""

    shown: LipView
    """The render's lips at the times of the speaker's frames, n of them."""
    spoken: LipView
    """The speaker's lips in those frames."""
    own: LipView
    """The lips of the portrait's own clip, in its kept frames."""
    pixel: float
    """Pixels, of 256 across, of one unit of the views."""

    def correlations(self, roll: int = 0) -> tuple[float | None, float | None]:
        """Correlation of opening and width with those of the speaker, `roll` frames away."""
        truth = LipView(np.roll(self.spoken.points, roll, axis=0))
        return (
            correlation(truth.opening, self.shown.opening),
            correlation(truth.width, self.shown.width),
        )

    def distance(self, roll: int = 0) -> np.ndarray:
        """LMD per frame [n], px at 256: mean distance of the lip points, each from its own mean.

        Args:
            roll: frames by which the speaker's lips are rolled first.
        """
        shown, spoken = _deviations(self.shown), _deviations(self.spoken)
        liveliness = _spread(_deviations(self.own)) / _spread(spoken)
        apart = shown - liveliness * np.roll(spoken, roll, axis=0)
        return np.linalg.norm(apart, axis=2).mean(1) * self.pixel


def judge_voice(
    render: Path,
    video: Path,
    frame_table: Path,
    landmarks: Path,
    voice_video: Path,
    voice_frame_table: Path,
    voice_landmarks: Path,
    voice_speech: Path,
    out: Path,
    settings: LipJudgeSettings,
) -> None:
    """Compare the lips of a portrait that another clip's sound drives with that clip's lips.

    Args:
        render: the driven portrait (.mp4).
        video: the portrait's own clip.
        frame_table: frame table of the portrait's clip (.csv).
        landmarks: landmarks of the portrait's clip (.npz).
        voice_video: the other person's clip.
        voice_frame_table: frame table of the other person's clip (.csv).
        voice_landmarks: landmarks of the other person's clip (.npz).
        voice_speech: speech features of the other person's clip (.npz), which say by how much its
            sound is late.
        out: figures to write (.json).
        settings: fields of the section `evaluate` that say how lips are looked at.

    Raises:
        UserError: a file is missing or damaged, or describes other frames than its neighbors.
    """
    table, own = read_frame_table(frame_table), Landmarks.read(landmarks)
    heard, truth = read_frame_table(voice_frame_table), Landmarks.read(voice_landmarks)
    table.check_rows(landmarks, own.points)
    heard.check_rows(voice_landmarks, truth.points)
    offset = SpeechFeatures.read(voice_speech).offset
    device = pick_device(settings.device).type
    lookers = judges(settings, device)
    info, rendered = probe(render), mesh_points(render, "render", settings)
    rows = np.flatnonzero(heard.keep)
    records = []
    for judge, look in lookers:
        points = look(video, own.points)
        face = Face.of(judge, points[table.keep])
        shown = face.view(look(render, rendered)).at(render_rows(rows, heard, offset, info.fps))
        spoken = face.view(look(voice_video, truth.points)[rows])
        pixel = face.size * REFERENCE_SIZE / own.size
        records += records_of(judge, Seen(shown, spoken, face.view(points[table.keep]), pixel))
    write_records(out, records, device_name(device))


def render_rows(rows: np.ndarray, table: FrameTable, offset: float, fps: float) -> np.ndarray:
    """Where in the render the sound of the speaker's frames is shown, in its frames, float [n].

    Args:
        rows: frames of the speaker's clip.
        table: the clip's frame table.
        offset: frames by which the clip's sound comes later than its picture.
        fps: frames per second of the render.
    """
    return (rows + offset) * fps / table.fps


def records_of(judge: LipJudge, seen: Seen) -> list[Record]:
    """Figures of one judge.

    Args:
        judge: who looked.
        seen: what was seen.
    """
    half = len(seen.spoken.points) // 2
    right, wrong = seen.distance(), seen.distance(half)
    both = np.isfinite(right) & np.isfinite(wrong)
    (opening, width), (shuffled, _) = seen.correlations(), seen.correlations(half)
    labels = {"region": "mouth", "frames": int(both.sum()), "backend": judge.name}
    lmd = (float(d[both].mean()) if both.any() else None for d in (right, wrong))
    values = dict(zip(("lmd_256", "lmd_256_shuffled"), lmd, strict=True))
    how = "20 lip points in the face's frame, each from its mean, the speaker's at the own spread"
    found = [
        measured(f"voice_{name}{judge.suffix}", value, FEWEST, unit="px at 256", how=how, **labels)
        for name, value in values.items()
    ]
    for name, value in {"opening": opening, "width": width, "shuffled": shuffled}.items():
        how = "Pearson, lips of the driven portrait and of the speaker"
        if name == "shuffled":
            how += " half a clip away, opening"
        found.append(measured(f"voice_{name}_r{judge.suffix}", value, FEWEST, how=how, **labels))
    return found


def _deviations(view: LipView) -> np.ndarray:
    """Lip points [T,20,C] about the middle of the mouth, less their means over the frames."""
    lips = view.points - view.points.mean(1, keepdims=True)
    return lips - np.nanmean(lips, axis=0)


def _spread(deviations: np.ndarray) -> float:
    """Root mean square of deviations."""
    return float(np.sqrt(np.nanmean(np.square(deviations))))


if __name__ == "__main__":
    cli.run(judge_voice)
