"""Stage render_test: play a portrait through the test frames of its clip.

The portrait is driven by the test frames' own pose, eyes and speech. Nothing of the true frames
enters the picture: no torso is pasted behind the head, the background is the plate. Three videos:
a lossless one for the figures, a lossless one with the wrong speech (does the mouth listen?), and
truth beside render for people.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unigs.compute.device import pick_device
from unigs.evaluate.inputs import Drivers, FrameTable, pick, read_drivers, read_frame_table
from unigs.media.audio import read_audio, write_wav
from unigs.media.video import VideoWriter, read_video
from unigs.model.portrait import Portrait
from unigs.model.storage import load_portrait
from unigs.settings.evaluate import EvaluateSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.stage.progress import progress

TITLE = "Ground truth | synthetic render"
"""Title in the preview's metadata."""

COMMENT = "The right half is synthetic: rendered by UniGS from speech, eyes and head pose."
"""Comment in the preview's metadata."""

AUDIO_RATE = 16000
"""Samples per second of the preview's sound."""


def render_test(
    portrait: Path,
    video: Path,
    frames: Path,
    pose: Path,
    body: Path,
    eyes: Path,
    speech: Path,
    audio: Path,
    out: Path,
    shuffled: Path,
    preview: Path,
    settings: EvaluateSettings,
) -> None:
    """Render the test frames of a clip.

    Args:
        portrait: the trained portrait (.safetensors).
        video: the clip, for the left half of the preview.
        frames: the clip's frame table (.csv).
        pose: head poses (.npz).
        body: motion of the torso (.npz).
        eyes: action units (.csv).
        speech: speech features (.npz).
        audio: the clip's sound (.wav), for the preview.
        out: lossless render of the test frames (.mkv).
        shuffled: the same with the test part's speech rolled by half its length (.mkv).
        preview: truth beside render, with sound (.mp4).
        settings: section `evaluate`.

    Raises:
        UserError: a file is missing or damaged, describes another clip, or the portrait renders
            another size than the clip's.
    """
    table = read_frame_table(frames, pose)
    drivers = read_drivers(pose, body, speech, eyes, table, frames)
    model = load_portrait(portrait, pick_device(settings.device).type)
    truth = pick(read_video(video), table.test, video)
    with contextlib.ExitStack() as files:
        sound = files.enter_context(tempfile.TemporaryDirectory())
        track = Path(sound) / "test.wav"
        write_wav(track, sound_of_frames(read_audio(audio, AUDIO_RATE), table), AUDIO_RATE)
        lossless = files.enter_context(_writer(files, out, model, 1, "lossless"))
        people = files.enter_context(
            _writer(files, preview, model, 2, "preview", audio=track, title=TITLE, comment=COMMENT)
        )
        renders = play_frames(model, drivers, table.test)
        for image, real in zip(_counted(renders, table, "render"), truth, strict=True):
            if image.shape != real.shape:
                raise UserError(
                    f"{portrait} renders {image.shape[1]}x{image.shape[0]} but {video} is "
                    f"{real.shape[1]}x{real.shape[0]}: train on this clip."
                )
            lossless.write(image)
            people.write(np.hstack([real, image]))
    with contextlib.ExitStack() as files:
        wrong = files.enter_context(_writer(files, shuffled, model, 1, "lossless"))
        for image in _counted(
            play_frames(model, drivers, table.test, shuffled_rows(table.test)), table, "shuffled"
        ):
            wrong.write(image)


def play_frames(
    model: Portrait, drivers: Drivers, rows: np.ndarray, heard: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Render frames, uint8 [H,W,3] each.

    Args:
        model: the portrait; a static one gets no speech and no eyes.
        drivers: what drives it.
        rows: the frames whose poses and eyes are used, int [n].
        heard: the frames whose speech is used, int [n]; by default `rows`.
    """
    alive = model.has_dynamics
    return model.play_clip(
        drivers.rotation[rows],
        drivers.translation[rows],
        drivers.speech[rows if heard is None else heard] if alive else None,
        drivers.eyes[rows] if alive else None,
        (drivers.body_rotation[rows], drivers.body_translation[rows], drivers.body_outline[rows]),
    )


def play_frame(model: Portrait, drivers: Drivers, row: int) -> np.ndarray:
    """Render one frame by itself, uint8 [H,W,3], as someone who streams does."""
    return next(play_frames(model, drivers, np.array([row])))


def shuffled_rows(test: np.ndarray) -> np.ndarray:
    """The frames whose speech drives the shuffled render: the test part rolled by half."""
    return np.roll(test, len(test) // 2)


def sound_of_frames(samples: np.ndarray, table: FrameTable) -> np.ndarray:
    """The sound of the test frames alone, float32 [n], frame by frame as the picture shows them."""
    edges = np.rint(np.arange(len(table) + 1) / table.fps * AUDIO_RATE).astype(int)
    samples = np.pad(samples, (0, max(0, edges[-1] - len(samples))))
    return np.concatenate([samples[edges[row] : edges[row + 1]] for row in table.test])


def _writer(
    files: contextlib.ExitStack,
    path: Path,
    model: Portrait,
    columns: int,
    quality: str,
    **options: object,
) -> VideoWriter:
    temporary = files.enter_context(atomic(path))
    return VideoWriter(temporary, model.size * columns, model.size, model.fps, quality, **options)


def _counted(renders: Iterator[np.ndarray], table: FrameTable, label: str) -> Iterator[np.ndarray]:
    return progress(renders, total=len(table.test), label=label)


if __name__ == "__main__":
    cli.run(render_test)
