"""The synthetic speaker as a subject to train on, with what preparation would find out.

It is taken from the truth: a benchmark needs no detectors and does not depend on their work.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.subjects import write_frame_table
from unigs.media.images import write_png
from unigs.prepare.speech.encode import encode_speech
from unigs.prepare.speech.extract import extract_audio
from unigs.settings.demo import DemoSettings
from unigs.settings.speech import SpeechSettings
from unigs.sources.synthetic.speaker import make_speaker, wall
from unigs.stage.files import load_npz, save_npz
from unigs.subject.dataset import ACTION_UNITS, SubjectFiles


def write_speaker(folder: Path, settings: DemoSettings) -> SubjectFiles:
    """Render the speaker and write all files that training and playback read.

    Landmarks are left empty and the face mesh is a single point at the chin: only settings that
    use neither (no lip code, no mesh points, no eye boxes) can be trained.

    Args:
        folder: an existing, empty folder.
        settings: of the speaker.
    """
    files = SubjectFiles(
        video=folder / "video.mp4",
        frames=folder / "frames.csv",
        pose=folder / "pose.npz",
        labels=folder / "truth.mkv",
        background=folder / "background.png",
        landmarks=folder / "landmarks.npz",
        speech=folder / "features.npz",
        eyes=folder / "eyes.csv",
        body=folder / "body.npz",
    )
    make_speaker(files.video, folder / "truth.npz", settings)
    truth = load_npz(folder / "truth.npz")
    count = len(truth["R"])
    write_frame_table(files.frames, count, settings.fps)
    chin = truth["points_head"][:, list(truth["names"]).index("chin")].mean(0)
    save_npz(
        files.pose, R=truth["R"], t=truth["t"], focal=truth["focal"], size=truth["size"],
        shape=np.tile(chin, (468, 1)), backend="truth",
    )  # fmt: skip
    arms = np.zeros((count, 2))  # they do not move
    save_npz(files.body, R=truth["body_R"], t=truth["body_t"], outline=arms, backend="truth")
    save_npz(files.landmarks, points=np.full((count, 478, 3), np.nan, np.float32), backend="none")
    units = pd.DataFrame(0.0, index=range(count), columns=list(ACTION_UNITS))
    units["AU45"] = 5 * truth["blink"]
    units.to_csv(files.eyes, index_label="frame")
    write_png(files.background, (wall(settings) * 255).round().astype(np.uint8))
    extract_audio(files.video, folder / "audio.wav")
    encode_speech(folder / "audio.wav", files.frames, files.speech, SpeechSettings())
    return files
