"""drive: a portrait speaks any recording."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from unigs.compute.device import pick_device
from unigs.drive.motion_loop import longest_segment, ping_pong, trim_blinks
from unigs.drive.pauses import pauses
from unigs.media.audio import RATE, decode_sound, read_audio
from unigs.media.video import VideoWriter
from unigs.model.portrait import Portrait
from unigs.model.storage import load_portrait
from unigs.playback.play import Playback
from unigs.provenance.clip import UNTOLD, Provenance, provenance_of
from unigs.provenance.keys import Identity, identity
from unigs.provenance.manifest import can_sign, sign, try_identity
from unigs.provenance.mark import VisibleMark
from unigs.provenance.statement import TITLE, Statement
from unigs.settings.drive import DriveSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage import cli
from unigs.stage.checksum import checksum
from unigs.stage.errors import UserError
from unigs.stage.files import atomic
from unigs.stage.leftovers import scratch_folder
from unigs.stage.progress import progress
from unigs.subject.features import ACTION_UNITS, SpeechFeatures
from unigs.subject.frame_table import FrameTable, read_frame_table
from unigs.subject.performance import Performance, read_performance

FRAMES_AT_ONCE = 100
"""Frames of a block: memory does not grow with the recording."""


def drive(
    portrait: Path,
    audio: Path,
    frame_table: Path,
    pose: Path,
    body: Path,
    eyes: Path,
    speech: Path,
    out: Path,
    settings: DriveSettings,
    provenance: Provenance = UNTOLD,
) -> None:
    """Render the portrait speaking a recording, with head motion and blinks of its own clip.

    The video says of itself that it is synthetic: in its metadata, in a signed C2PA manifest, and
    by a visible mark unless the settings turn it off.

    Args:
        portrait: of the dynamic stage (.safetensors).
        audio: any file with sound, of any length and sample rate.
        frame_table: frame table of the clip (frames.csv).
        pose: head poses of the clip (pose.npz).
        body: motion of the torso in the clip (motion.npz).
        eyes: action units of the clip (eyes.csv).
        speech: features.npz of the clip; tells how speech is encoded and normalized.
        out: video to write (.mp4), with the recording as its sound.
        settings: section `drive`.
        provenance: where the clip is from and by whose leave; what is not told is taken from the
            portrait's own record.

    Raises:
        UserError: a file is missing, does not fit the others, has no sound, the certificate is of
            no use, or the video's name does not end in .mp4.
    """
    if out.suffix.lower() != ".mp4":
        raise UserError(f"{out} is to be a video of the kind MP4: let its name end in .mp4.")
    signer = signer_of(settings)
    model = load_talking(portrait, pick_device(settings.device))
    motion = read_motion(frame_table, pose, body, eyes, settings.turn_seconds * model.fps)
    encoder = SpeechEncoder.from_json(SpeechFeatures.read(speech).encoder, speech)
    samples = read_audio(audio, RATE)
    count = frame_count(samples, model.fps)
    blocks = performances(motion, encoder, samples, count, model.fps, settings)
    images = chain.from_iterable(map(Playback(model).clip, blocks))
    if settings.mark:
        images = map(VisibleMark.of(model.size, model.size).on, images)
    statement = statement_of(model, portrait, audio, settings.mark, provenance)
    with atomic(out) as temporary, scratch_folder(temporary.parent) as folder:
        unsigned = folder / "video.mp4"
        shown = progress(images, count, "drive")
        _write(unsigned, shown, model, audio, settings.quality, statement.comment())
        if signer is None:
            unsigned.replace(temporary)
        else:
            sign(unsigned, temporary, statement.definition(out.name), signer)


def load_talking(path: Path, device: torch.device | str = "cpu") -> Portrait:
    """Read a portrait that can speak.

    Args:
        path: of the dynamic stage (.safetensors).
        device: where it is put.

    Raises:
        UserError: the file is none, or of the static stage.
    """
    model = load_portrait(path, device)
    if not model.has_dynamics:
        raise UserError(f"{path} is a static portrait: give the one of the dynamic stage.")
    return model


def frame_count(samples: np.ndarray, fps: float) -> int:
    """Frames that a recording [n] at `RATE` lasts, the last one in part.

    Args:
        samples: the recording.
        fps: frames per second.
    """
    return math.ceil(len(samples) / RATE * fps)


def signer_of(settings: DriveSettings) -> Identity | None:
    """With what the video is signed; None where the library is missing, which the log tells.

    Args:
        settings: section `drive`.

    Raises:
        UserError: the certificate that the settings name cannot be used.
    """
    if can_sign():
        signer = identity(settings.certificate, settings.private_key)
        try_identity(signer)
        return signer
    if settings.certificate:
        raise UserError(
            f"without c2pa-python nothing is signed with {settings.certificate}: install it, or "
            "leave drive.certificate empty."
        )
    return None


def statement_of(
    model: Portrait, portrait: Path, audio: Path, marked: bool, provenance: Provenance
) -> Statement:
    """What the video states about itself.

    Args:
        model: the portrait.
        portrait: its file.
        audio: the recording's file.
        marked: whether the frames bear the visible mark.
        provenance: what is told of the clip beside the portrait's own record.
    """
    record = model.meta.get("dynamic", {})
    backends = record.get("backends")
    return Statement(
        sound=audio.name,
        sound_sha256=checksum(audio),
        portrait_sha256=checksum(portrait),
        marked=marked,
        clip=provenance.over(provenance_of(record)),
        backends={k: str(v) for k, v in backends.items()} if isinstance(backends, dict) else {},
    )


def _write(
    path: Path, images: Iterator[np.ndarray], model: Portrait, audio: Path, quality: str, said: str
) -> None:
    """Write the video without manifest: its frames, the recording, title and comment."""
    with scratch_folder() as folder:
        # Decoded once more at full quality: the same samples that were heard, from the same start.
        sound = folder / "sound.wav"
        decode_sound(audio, sound)
        size, told = (model.size, model.size), {"title": TITLE, "comment": said}
        with VideoWriter(path, *size, model.fps, quality, audio=sound, **told) as writer:
            for image in images:
                writer.write(image)


def performances(
    motion: Performance,
    encoder: SpeechEncoder,
    samples: np.ndarray,
    count: int,
    fps: float,
    settings: DriveSettings,
) -> Iterator[Performance]:
    """Performance of `count` frames, in blocks of at most FRAMES_AT_ONCE.

    Args:
        motion: the piece of the clip that is replayed forwards and backwards.
        encoder: of the clip's speech features.
        samples: the recording [n] at `RATE`.
        count: frames of the video.
        fps: frames per second.
        settings: section `drive`.
    """
    columns, rest = hear(encoder, samples, count, fps, settings)
    for first in range(0, count, FRAMES_AT_ONCE):
        chosen = np.arange(first, min(first + FRAMES_AT_ONCE, count))
        windows = encoder.normalize(encoder.windows(columns, len(chosen), fps, offset=first))
        share = rest[chosen, None, None]
        windows = ((1 - share) * windows + share * encoder.silence).astype(np.float32)
        positions = ping_pong(chosen, len(motion), settings.turn_seconds * fps)
        yield replace(motion.at(positions), speech=windows)


def hear(
    encoder: SpeechEncoder, samples: np.ndarray, count: int, fps: float, settings: DriveSettings
) -> tuple[np.ndarray, np.ndarray]:
    """What is heard in a recording.

    Args:
        encoder: of the clip's speech features.
        samples: the recording [n] at `RATE`.
        count: frames of the video.
        fps: frames per second.
        settings: section `drive`.

    Returns:
        Speech features [N,D] column by column; weight of silence in each frame [count].
    """
    columns = encoder.foreign_columns(samples)
    scores = encoder.speech_scores(columns, count, fps)
    return columns, pauses(samples, count, fps, settings, scores)


def usable_frames(table: FrameTable, performance: Performance) -> np.ndarray:
    """Frames that can be played: kept, with head pose and eyes, bool [T].

    Args:
        table: frame table of the clip.
        performance: of the clip, with eyes.
    """
    return table.keep & performance.head.known & np.isfinite(performance.eyes).all(1)


def read_motion(frame_table: Path, pose: Path, body: Path, eyes: Path, turn: float) -> Performance:
    """The longest piece of the clip that is fit to be replayed: kept frames, no cut inside.

    Args:
        frame_table: frame table.
        pose: head poses.
        body: motion of the torso.
        eyes: action units.
        turn: frames that a turn of the motion takes.

    Raises:
        UserError: the files differ in length, or no frame is kept.
    """
    table = read_frame_table(frame_table)
    motion = read_performance(table, pose, body, eyes)
    piece = longest_segment(usable_frames(table, motion), table.jump_cuts)
    if piece.stop == piece.start:
        raise UserError(f"{frame_table} keeps no frame with a pose: screen less strictly.")
    blink = motion.eyes[:, ACTION_UNITS.index("AU45")]
    return motion[trim_blinks(piece, blink, math.ceil(turn / math.pi))]


if __name__ == "__main__":
    cli.run(drive)
