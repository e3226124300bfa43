"""Stage encode_speech: one window of speech features for each video frame."""

import json
from pathlib import Path

import numpy as np

from unigs.media.audio import RATE, read_audio
from unigs.prepare.speech.offset import find_offset
from unigs.settings.speech import SpeechSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.subject.features import Landmarks, SpeechFeatures
from unigs.subject.frame_table import read_frame_table


def encode_speech(
    audio: Path,
    frame_table: Path,
    out: Path,
    settings: SpeechSettings,
    landmarks: Path | None = None,
) -> None:
    """Encode the sound of the clip: row k of the result is the speech window of frame k.

    Args:
        audio: sound of the clip (.wav), as long as the clip.
        frame_table: frame table of the clip (.csv).
        out: file to write (.npz): features [T,W,D] (normalized), mean [D], std [D], backend, rate
            (columns per second), silence [W,D], offset (frames), encoder (JSON, for foreign
            recordings).
        settings: back-end and window.
        landmarks: landmarks of the clip (.npz), by which a delay between sound and picture is found
            and undone. None: the clip is taken to be in sync.

    Raises:
        UserError: the sound and the frame table differ in length, no frame trains, or the back-end
            cannot run.
    """
    table = read_frame_table(frame_table)
    fps = table.fps
    samples = read_audio(audio, RATE)
    check_length(audio, len(samples), frame_table, len(table), fps)
    encoder = SpeechEncoder(settings)
    columns = encoder.columns(samples)
    if not table.teaches.any():
        raise UserError(
            f"{frame_table} keeps no training frame: screen less strictly, or hold out fewer."
        )
    # A clip is cut out of speech that goes on: unknown is nearer to the average than to silence,
    # which would close the mouth on the first and last frames.
    average = columns.mean(0)
    raw = encoder.windows(columns, len(table), fps, outside=average)
    encoder.fit(raw[table.teaches])
    offset = 0.0
    if landmarks is not None and settings.max_offset:
        marks = Landmarks.read(landmarks)
        table.check_rows(landmarks, marks)

        def heard(frames: float) -> np.ndarray:
            return encoder.normalize(encoder.windows(columns, len(table), fps, frames, average))

        offset = find_offset(heard, encoder.prior, marks.points, table.teaches, settings.max_offset)
        raw = encoder.windows(columns, len(table), fps, offset, average)
        encoder.fit(raw[table.teaches])
    encoder.learn_profile(samples, columns)
    SpeechFeatures(
        encoder.normalize(raw),
        encoder.mean,
        encoder.std,
        encoder.settings.backend,
        1000 / settings.step_ms,
        encoder.silence,
        offset,
        json.dumps(encoder.to_dict()),
    ).write(out)


def check_length(audio: Path, samples: int, frame_table: Path, count: int, fps: float) -> None:
    """Refuse a recording that is not as long as the clip, to within one frame.

    Args:
        audio: file of the recording, for the message.
        samples: length of the recording at RATE.
        frame_table: frame table of the clip, for the message.
        count: number of frames of the clip.
        fps: frames per second of the clip.

    Raises:
        UserError: the lengths differ.
    """
    heard = samples * fps / RATE
    if abs(heard - count) > 1:
        raise UserError(
            f"{audio} lasts {heard:.1f} frames ({samples / RATE:.2f} s) but {frame_table} has "
            f"{count}: they are not of the same clip; run extract_audio again."
        )


if __name__ == "__main__":
    cli.run(encode_speech)
