"""drive: a portrait speaks any recording."""

import json
import math
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from unigs.compute.device import pick_device
from unigs.drive.motion_loop import Affine, Motion, Rigid, longest_segment, ping_pong, trim_blinks
from unigs.media.audio import read_audio
from unigs.media.ffmpeg import run_ffmpeg
from unigs.media.video import VideoWriter
from unigs.model.storage import load_portrait
from unigs.prepare.speech.encode import SpeechEncoder, block_levels, check_rows, speech_level
from unigs.prepare.speech.extract import RATE
from unigs.settings.drive import DriveSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, load_npz
from unigs.stage.progress import progress
from unigs.subject.dataset import ACTION_UNITS, read_action_units
from unigs.subject.frame_table import read_frames

TITLE = "Synthetic talking portrait (UniGS)"
COMMENT = "Synthetic video: the person shown did not say this. Rendered by UniGS from {audio}."
BLOCK = 100
"""Frames that are prepared at once: memory does not grow with the recording."""
FADE_SECONDS = 0.16
"""Time in which the mouth closes in a pause, and the distance it keeps from speech."""


def drive(
    portrait: Path,
    audio: Path,
    frames: Path,
    pose: Path,
    body: Path,
    eyes: Path,
    speech: Path,
    out: Path,
    settings: DriveSettings,
) -> None:
    """Render the portrait speaking a recording, with head motion and blinks of its own clip.

    Args:
        portrait: of the dynamic stage (.safetensors).
        audio: any file with sound, of any length and sample rate.
        frames: frame table of the clip (frames.csv).
        pose: head poses of the clip (pose.npz).
        body: motion of the torso in the clip (motion.npz).
        eyes: action units of the clip (eyes.csv).
        speech: features.npz of the clip; tells how speech is encoded and normalised.
        out: video to write (.mp4), with the recording as its sound.
        settings: section `drive`.

    Raises:
        UserError: a file is missing, does not fit the others, or has no sound.
    """
    model = load_portrait(portrait, pick_device(settings.device))
    if not model.has_dynamics:
        raise UserError(f"{portrait} is a static portrait: give the one of the dynamic stage.")
    motion = read_motion(frames, pose, body, eyes, settings.turn_seconds * model.fps)
    encoder = read_encoder(speech)
    samples = read_audio(audio, RATE)
    count = math.ceil(len(samples) / RATE * model.fps)
    with tempfile.TemporaryDirectory() as folder, atomic(out) as temporary:
        # Decoded once more at full quality: the same samples that were heard, from the same start.
        sound = Path(folder) / "sound.wav"
        run_ffmpeg(["-i", str(audio), "-map", "0:a:0", str(sound)], f"read the sound of {audio}")
        comment = COMMENT.format(audio=audio.name)
        with VideoWriter(
            temporary,
            model.size,
            model.size,
            model.fps,
            settings.quality,
            audio=sound,
            title=TITLE,
            comment=comment,
        ) as writer:
            blocks = drivers(motion, encoder, samples, count, model.fps, settings)
            images = chain.from_iterable(model.play_clip(*block) for block in blocks)
            for image in progress(images, count, "drive"):
                writer.write(image)


def drivers(
    motion: Motion,
    encoder: SpeechEncoder,
    samples: np.ndarray,
    count: int,
    fps: float,
    settings: DriveSettings,
) -> Iterator[tuple]:
    """What drives `count` frames, in blocks of at most BLOCK.

    Yields:
        R [n,3,3] and t [n,3] of the head, speech windows [n,W,D], units [n,6]; R, t and outline
        [n,2] of the torso: as `Portrait.play_clip` takes them.
    """
    columns = encoder.foreign_columns(samples)
    rest = pauses(samples, count, fps, settings)
    for first in range(0, count, BLOCK):
        chosen = np.arange(first, min(first + BLOCK, count))
        windows = encoder.normalise(encoder.windows(columns, len(chosen), fps, offset=first))
        share = rest[chosen, None, None]
        windows = ((1 - share) * windows + share * encoder.silence).astype(np.float32)
        positions = ping_pong(chosen, len(motion), settings.turn_seconds * fps)
        head, torso, units = motion.at(positions)
        yield *head, windows, units, torso


def pauses(samples: np.ndarray, count: int, fps: float, settings: DriveSettings) -> np.ndarray:
    """How much each frame is at rest, float [count] from 0 (speech) to 1 (within a pause).

    Background noise of a foreign recording is no silence to the speech features, and would keep
    the mouth ajar; so pauses are found by loudness and filled with silence.
    """
    level = speech_level(samples)
    if level is None:
        return np.ones(count)
    blocks = block_levels(samples)
    seconds = len(samples) / RATE / len(blocks) if len(samples) else 1.0
    index = np.minimum(((np.arange(count) + 0.5) / fps / seconds).astype(int), len(blocks) - 1)
    quiet = blocks[index] < level - settings.pause_db
    # Distance in frames to the nearest speech, counted inside each pause.
    edges = np.flatnonzero(np.diff(np.r_[False, quiet, False].astype(int)))
    distance = np.zeros(count)
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if last - first >= settings.pause_seconds * fps:
            k = np.arange(first, last)
            before = k - first + 1 if first else np.full(len(k), np.inf)
            after = last - k if last < count else np.full(len(k), np.inf)
            distance[first:last] = np.minimum(before, after)
    fade = FADE_SECONDS * fps
    ramp = np.clip((distance - fade) / fade, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def read_motion(frames: Path, pose: Path, body: Path, eyes: Path, turn: float) -> Motion:
    """The longest piece of the clip that is fit to be replayed: kept frames, no cut inside.

    Raises:
        UserError: the files differ in length, or no frame is kept.
    """
    poses, bodies = load_npz(pose, "R", "t"), load_npz(body, "R", "t", "outline")
    units = read_action_units(eyes)
    keep, cut = read_frames(frames, len(poses["R"]), pose)
    check_rows(body, len(bodies["R"]), frames, len(keep))
    check_rows(eyes, len(units), frames, len(keep))
    usable = keep & np.isfinite(poses["t"]).all(1) & np.isfinite(units).all(1)
    piece = longest_segment(usable, cut)
    if piece.stop == piece.start:
        raise UserError(f"{frames} keeps no frame with a pose: screen less strictly.")
    piece = trim_blinks(piece, units[:, ACTION_UNITS.index("AU45")], math.ceil(turn / math.pi))
    head = Rigid(poses["R"][piece], poses["t"][piece])
    torso = Affine(bodies["R"][piece], bodies["t"][piece], bodies["outline"][piece])
    return Motion(head, torso, units[piece])


def read_encoder(path: Path) -> SpeechEncoder:
    """The encoder of a clip's features.

    Raises:
        UserError: the file is missing, or was written by another version.
    """
    text = str(load_npz(path, "encoder")["encoder"])
    try:
        return SpeechEncoder.from_dict(json.loads(text))
    except (KeyError, TypeError, json.JSONDecodeError):
        raise UserError(f"{path} was written by another version: run encode_speech anew.") from None


if __name__ == "__main__":
    cli.run(drive)
