"""Stage judge_closure: do a driven portrait's lips meet on p, b and m, and rest in pauses?

The recording is speech whose phones are known, of a synthesizer.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unigs.compute.device import device_name, pick_device
from unigs.evaluate.closure import Levels, closure, closure_records, levels_of
from unigs.evaluate.lip_view import Face, LipJudge, judges, mesh_points
from unigs.evaluate.records import PORTRAIT, SHUFFLED, Record, write_records
from unigs.media.video import probe
from unigs.settings.evaluate import LipJudgeSettings
from unigs.speech.phones import Phone, read_phones
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.subject.features import Landmarks
from unigs.subject.frame_table import read_frame_table


def judge_closure(
    render: Path,
    phones: Path,
    video: Path,
    frame_table: Path,
    landmarks: Path,
    out: Path,
    settings: LipJudgeSettings,
) -> None:
    """Look at the lips of a driven portrait where the phones want them shut.

    Args:
        render: the driven portrait (.mp4).
        phones: phone times of the recording: what `flite -psdur` prints, or the truth of the
            synthetic speaker (.npz).
        video: the portrait's own clip.
        frame_table: frame table of the portrait's clip (.csv).
        landmarks: landmarks of the portrait's clip (.npz), by which the person's own closed lips
            are known.
        out: figures to write (.json).
        settings: fields of the section `evaluate` that say how lips are looked at.

    Raises:
        UserError: a file is missing or damaged, holds no phones, or shows no face.
    """
    table, own, said = read_frame_table(frame_table), Landmarks.read(landmarks), read_phones(phones)
    table.check_rows(landmarks, own.points)
    device = pick_device(settings.device).type
    lookers = judges(settings, device)
    info, rendered = probe(render), mesh_points(render, "render", settings)
    if not np.isfinite(rendered).any():
        raise UserError(f"{render} shows no face: look at it, and train longer.")
    records = []
    for judge, look in lookers:
        points = look(video, own.points)[table.keep]
        face = Face.of(judge, points)
        opening = face.view(look(render, rendered)).opening
        levels = levels_of(face.view(points).opening)
        records += _records(judge, opening, said, info.fps, levels)
    write_records(out, records, device_name(device))


def _records(
    judge: LipJudge, opening: np.ndarray, said: list[Phone], fps: float, levels: Levels
) -> Iterator[Record]:
    """Shares of one judge, and those of the same lips half a recording away: what chance gives."""
    for method, seen in ((PORTRAIT, opening), (SHUFFLED, np.roll(opening, len(opening) // 2))):
        for record in closure_records(closure(seen, said, fps, levels), judge.name, method):
            yield record.labeled(metric=f"{record.metric}{judge.suffix}")


if __name__ == "__main__":
    cli.run(judge_closure)
