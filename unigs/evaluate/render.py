"""Stage render_test: play a portrait through the test frames of its clip.

The portrait is driven by the test frames' own pose, eyes and speech. Nothing of the true frames
enters the picture: no torso is pasted behind the head, the background is the plate. (Only a rival
of ours does so, `evaluate.torso: pasted`, and its figures say it.) Three videos: a lossless one for
the figures, a lossless one with the wrong speech (does the mouth listen?), and truth beside render
for people.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from unigs.compute.device import pick_device
from unigs.evaluate.document import PASTED
from unigs.evaluate.paired_videos import write_pairs
from unigs.evaluate.split import Split, split_of
from unigs.evaluate.streams import pick
from unigs.media.video import VideoWriter, read_video
from unigs.model.portrait import Portrait
from unigs.model.storage import load_portrait
from unigs.playback.play import Playback
from unigs.settings.evaluate import TorsoSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.stage.progress import progress
from unigs.subject.frame_table import read_frame_table
from unigs.subject.labels import TORSO, read_labels
from unigs.subject.performance import Performance, read_performance

TITLE = "Ground truth | synthetic render"
"""Title in the preview's metadata."""

COMMENT = "The right half is synthetic: rendered by UniGS from speech, eyes and head pose."
"""Comment in the preview's metadata."""

PASTED_COMMENT = f"{COMMENT} Its torso is pasted from the left half."
"""Comment in the preview's metadata where the torso is that of the true frame."""


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
    settings: TorsoSettings,
    audio: Path | None = None,
    labels: Path | None = None,
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
        shuffled: lossless render with the test part's speech rolled by half its length (.mkv).
        preview: truth beside render, with sound (.mp4).
        settings: fields of the section `evaluate` that say how frames are rendered.
        audio: the clip's sound (.wav), for the preview; None: the preview is silent.
        labels: label video of the true frames, where their torso is pasted.

    Raises:
        UserError: a file is missing or damaged, describes another clip, the portrait renders
            another size than the clip's, or has no torso of its own that could be replaced.
    """
    table = read_frame_table(frame_table)
    performance = read_performance(table, pose, body, eyes, speech)
    split = split_of(table, performance.head.known)
    model = load_portrait(portrait, pick_device(settings.device).type)
    playback, test = Playback(model), performance[split.test]
    truth, pasted = pick(read_video(video), split.test, video), settings.torso == PASTED
    if pasted:
        _check_pasting(model, portrait, labels)
    comment = PASTED_COMMENT if pasted else COMMENT

    def play(played: Performance) -> Iterator[np.ndarray]:
        return playback.clip(played, torsos(model, video, labels, split) if pasted else None)

    size, renders = (model.size, model.size), _counted(play(test), split, "render")
    pairs = _of_one_size(zip(renders, truth, strict=True), portrait, video)
    write_pairs(pairs, size, split, out, preview, audio, title=TITLE, comment=comment)
    heard = replace(test, speech=performance.speech[shuffled_rows(split.test)])
    with (
        atomic(shuffled) as temporary,
        VideoWriter(temporary, *size, model.fps, "lossless") as wrong,
    ):
        for image in _counted(play(heard), split, "shuffled"):
            wrong.write(image)


def torsos(model: Portrait, video: Path, labels: Path, split: Split) -> Iterator[np.ndarray]:
    """The true torso of each test frame over the plate, uint8 [H,W,3]: pasted behind the head.

    Args:
        model: the portrait, for its plate.
        video: the clip.
        labels: label video of the clip.
        split: its test frames.
    """
    plate = model.plate.cpu().numpy()
    truth = pick(read_video(video), split.test, video)
    regions = pick(read_labels(labels), split.test, labels)
    for image, region in zip(truth, regions, strict=True):
        yield np.where((region == TORSO)[..., None], image, plate)


def shuffled_rows(test: np.ndarray) -> np.ndarray:
    """The frames whose speech drives the shuffled render: the test part rolled by half."""
    return np.roll(test, len(test) // 2)


def _check_pasting(model: Portrait, portrait: Path, labels: Path | None) -> None:
    if model.behind is None:
        raise UserError(
            f"{portrait} is one field, with no torso of its own that could be pasted over: leave "
            "evaluate.torso at rendered, or train with static.fields separate or masked."
        )
    if labels is None:
        raise UserError("a torso is pasted where the regions show it: name them with --labels.")


def _of_one_size(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]], portrait: Path, video: Path
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of render and truth, as long as they have one size."""
    for image, real in pairs:
        if image.shape != real.shape:
            raise UserError(
                f"{portrait} renders {image.shape[1]}x{image.shape[0]} but {video} is "
                f"{real.shape[1]}x{real.shape[0]}: train on this clip."
            )
        yield image, real


def _counted(renders: Iterator[np.ndarray], split: Split, label: str) -> Iterator[np.ndarray]:
    return progress(renders, total=len(split.test), label=label)


if __name__ == "__main__":
    cli.run(render_test)
