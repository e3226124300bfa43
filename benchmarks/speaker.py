"""The synthetic speaker as a subject to train on, with what preparation would find out.

It is taken from the truth: a benchmark needs no detectors and does not depend on their work.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.support.subject import subject_files, write_features, write_table
from unigs.media.images import write_png
from unigs.prepare.speech.encode import encode_speech
from unigs.prepare.speech.extract import extract_audio
from unigs.settings.demo import DemoSettings
from unigs.settings.speech import SpeechSettings
from unigs.sources.synthetic.speaker import make_speaker, wall
from unigs.stage.files import load_npz
from unigs.subject.dataset import SubjectFiles
from unigs.subject.features import FACE_UNITS


def write_speaker(folder: Path, settings: DemoSettings) -> SubjectFiles:
    """Render the speaker and write all files that training and playback read.

    Landmarks are left empty and the face mesh is a single point at the chin: only settings that
    use neither (no lip code, no mesh points, no eye boxes) can be trained.

    Args:
        folder: an existing, empty folder.
        settings: of the speaker.
    """
    files = replace(subject_files(folder), labels=folder / "truth.mkv")
    make_speaker(files.video, folder / "truth.npz", settings)
    truth = load_npz(folder / "truth.npz")
    count = len(truth["R"])
    write_table(files.frame_table, count, fps=settings.fps)
    chin = truth["points_head"][:, list(truth["names"]).index("chin")].mean(0)
    units = np.zeros((count, len(FACE_UNITS)))
    units[:, FACE_UNITS.index("AU45")] = 5 * truth["blink"]
    write_features(
        files, count, size=int(truth["size"]), focal=float(truth["focal"]),
        head=(truth["R"], truth["t"]), shape=np.tile(chin, (468, 1)),
        torso=(truth["body_R"], truth["body_t"]), points=np.full((count, 478, 3), np.nan),
        eyes=units, backend="truth",
    )  # fmt: skip
    write_png(files.background, (wall(settings) * 255).round().astype(np.uint8))
    extract_audio(files.video, folder / "audio.wav")
    encode_speech(folder / "audio.wav", files.frame_table, files.speech, SpeechSettings())
    return files
