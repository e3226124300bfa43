"""Stage render_test: play a portrait through the test frames of its clip.

The portrait is driven by the test frames' own pose, eyes and speech. Nothing of the true frames
enters the picture: no torso is pasted behind the head, the background is the plate. Three videos:
a lossless one for the figures, a lossless one with the wrong speech (does the mouth listen?), and
truth beside render for people.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from unigs.compute.device import pick_device
from unigs.evaluate.split import Split, sound_of_frames, split_of
from unigs.evaluate.streams import pick
from unigs.media.audio import RATE, read_audio, write_wav
from unigs.media.video import VideoWriter, read_video
from unigs.model.portrait import Portrait
from unigs.model.storage import load_portrait
from unigs.playback.play import Playback
from unigs.settings.evaluate import RenderSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.stage.leftovers import scratch_folder
from unigs.stage.progress import progress
from unigs.subject.frame_table import read_frame_table
from unigs.subject.performance import read_performance

TITLE = "Ground truth | synthetic render"
"""Title in the preview's metadata."""

COMMENT = "The right half is synthetic: rendered by UniGS from speech, eyes and head pose."
"""Comment in the preview's metadata."""


def render_test(
    portrait: Path,
    video: Path,
    frame_table: Path,
    pose: Path,
    body: Path,
    eyes: Path,
    speech: Path,
    out: Path,
    shuffled: Path,
    preview: Path,
    settings: RenderSettings,
    audio: Path | None = None,
) -> None:
    """Render the test frames of a clip.

    Args:
        portrait: the trained portrait (.safetensors).
        video: the clip, for the left half of the preview.
        frame_table: the clip's frame table (.csv).
        pose: head poses (.npz).
        body: motion of the torso (.npz).
        eyes: action units (.csv).
        speech: speech features (.npz).
        out: lossless render of the test frames (.mkv).
        shuffled: the same with the test part's speech rolled by half its length (.mkv).
        preview: truth beside render, with sound (.mp4).
        settings: fields of the section `evaluate` that say how frames are rendered.
        audio: the clip's sound (.wav), for the preview; None: the preview is silent.

    Raises:
        UserError: a file is missing or damaged, describes another clip, or the portrait renders
            another size than the clip's.
    """
    table = read_frame_table(frame_table)
    performance = read_performance(table, pose, body, eyes, speech)
    split = split_of(table, performance.head.known)
    model = load_portrait(portrait, pick_device(settings.device).type)
    playback, test = Playback(model), performance[split.test]
    truth = pick(read_video(video), split.test, video)
    with contextlib.ExitStack() as files:
        sound = files.enter_context(scratch_folder())
        track = None
        if audio is not None:
            track = Path(sound) / "test.wav"
            write_wav(track, sound_of_frames(read_audio(audio, RATE), split), RATE)
        lossless = files.enter_context(_writer(files, out, model, 1, "lossless"))
        people = files.enter_context(
            _writer(files, preview, model, 2, "preview", audio=track, title=TITLE, comment=COMMENT)
        )
        renders = _counted(playback.clip(test), split, "render")
        for image, real in zip(renders, truth, strict=True):
            if image.shape != real.shape:
                raise UserError(
                    f"{portrait} renders {image.shape[1]}x{image.shape[0]} but {video} is "
                    f"{real.shape[1]}x{real.shape[0]}: train on this clip."
                )
            lossless.write(image)
            people.write(np.hstack([real, image]))
    with contextlib.ExitStack() as files:
        wrong = files.enter_context(_writer(files, shuffled, model, 1, "lossless"))
        heard = replace(test, speech=performance.speech[shuffled_rows(split.test)])
        for image in _counted(playback.clip(heard), split, "shuffled"):
            wrong.write(image)


def shuffled_rows(test: np.ndarray) -> np.ndarray:
    """The frames whose speech drives the shuffled render: the test part rolled by half."""
    return np.roll(test, len(test) // 2)


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


def _counted(renders: Iterator[np.ndarray], split: Split, label: str) -> Iterator[np.ndarray]:
    return progress(renders, total=len(split.test), label=label)


if __name__ == "__main__":
    cli.run(render_test)
