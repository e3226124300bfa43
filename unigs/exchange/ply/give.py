"""Give a portrait out as .ply files: at rest, in one frame, or in the frames of a sequence."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import unigs
from unigs.drive.speak import (
    FRAMES_AT_ONCE,
    frame_count,
    performances,
    read_motion,
    statement_of,
)
from unigs.exchange.ply.fields import Mover, Posed, canonical
from unigs.exchange.ply.layout import write_ply
from unigs.media.audio import RATE, read_audio
from unigs.model.portrait import Portrait
from unigs.model.storage import load_portrait
from unigs.provenance.clip import UNTOLD, provenance_of
from unigs.settings.drive import DriveSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage.checksum import checksum
from unigs.stage.errors import UserError
from unigs.stage.leftovers import scratch_folder
from unigs.stage.progress import progress
from unigs.subject.features import SpeechFeatures
from unigs.subject.frame_table import read_frame_table
from unigs.subject.performance import Performance, read_performance
from unigs.workflow.portrait_files import PortraitFiles

log = logging.getLogger("unigs")

FRAME = "frame_{:04d}.ply"
"""Name of a frame's file; SuperSplat sorts a sequence by the number before the ending."""
LAYERS = (
    "the portrait has a head and a torso of their own: the last {} Gaussians are the torso's, "
    "which the player draws behind the head whatever their depth, and viewers sort among the head's"
)
"""What is told of a portrait of two layers."""


def export_canonical(portrait: Path, out: Path) -> None:
    """Write the canonical field of a portrait, as it is before anything moves it.

    Args:
        portrait: static or dynamic (.safetensors).
        out: file to write (.ply), which must not be there.

    Raises:
        UserError: `out` is there, or the portrait cannot be read.
    """
    _refuse_existing(out)
    model = load_portrait(portrait)
    _write(out, canonical(model), model, ["canonical field", *_told(model, portrait)])


def export_frames(
    portrait: Path,
    out: Path,
    files: PortraitFiles,
    first: int = 0,
    stop: int | None = None,
    audio: Path | None = None,
    single: bool = False,
) -> None:
    """Write frames as the clip or a recording moves the portrait, in the head's frame.

    Args:
        portrait: static or dynamic (.safetensors).
        out: folder to write, which must not be there and appears as a whole or not at all; its
            files are named by `FRAME` and the frame's number. With `single` the one file.
        files: the subject's files.
        first: number of the first frame, from 0.
        stop: number of the frame after the last; None: to the end.
        audio: any file with sound that drives the portrait as `unigs drive` does; None: the clip.
        single: write frame `first` alone, as a file.

    Raises:
        UserError: `out` is there, a frame is not there or not known, or a file is missing or does
            not fit the others.
    """
    _refuse_existing(out)
    _check(files)
    model = load_portrait(portrait)
    stop, blocks, told = _moved(files, model, portrait, first, stop, audio)
    mover = Mover(model)
    fields = (field for block in blocks for field in mover.frames(block))

    def write(path: Path, field: Posed, k: int) -> None:
        _write(path, field, model, [f"frame {k} of {told[0]}", *told[1:]], quiet=k > first)

    if single:
        write(out, next(fields), first)
        return
    with scratch_folder(out.parent) as scratch:
        new = scratch / "ply"
        for k, field in enumerate(progress(fields, stop - first, "ply"), first):
            write(new / FRAME.format(k), field, k)
        new.rename(out)
    log.info("%s: %d files, %g frames a second", out, stop - first, model.fps)


def _check(files: PortraitFiles) -> None:
    """Stop if a file that moves the portrait is not there."""
    for path in (files.frame_table, files.pose, files.body, files.eyes, files.speech):
        if not path.is_file():
            raise UserError(
                f"there is no {path}, and a frame needs it: name a portrait that lies among its "
                "subject's results, or leave --frame, --frames and --audio out for the canonical "
                "field."
            )


def _moved(
    files: PortraitFiles,
    model: Portrait,
    portrait: Path,
    first: int,
    stop: int | None,
    audio: Path | None,
) -> tuple[int, Iterator[Performance], list[str]]:
    """What moves the portrait in frames `first` to `stop`.

    Returns:
        The frame after the last; the performance in blocks; whose frames they are, and what else
        the headers say of them.
    """
    if audio is None:
        whole = _of_clip(files, model)
        stop = _range(first, stop, len(whole), "the clip")
        _check_known(whole, first, stop)
        return stop, _blocks(whole[first:stop]), ["the clip", *_told(model, portrait)]
    count, blocks = _of_recording(files, model, portrait, audio)
    stop = _range(first, stop, count, str(audio))
    said = statement_of(model, portrait, audio, False, UNTOLD).comment()
    return stop, _part(blocks, first, stop), ["the recording", said]


def _of_clip(files: PortraitFiles, model: Portrait) -> Performance:
    table = read_frame_table(files.frame_table)
    driven = (files.eyes, files.speech) if model.has_dynamics else ()
    return read_performance(table, files.pose, files.body, *driven)


def _of_recording(
    files: PortraitFiles, model: Portrait, portrait: Path, audio: Path
) -> tuple[int, Iterator[Performance]]:
    """Number of frames of a recording, and the performance that `unigs drive` makes of it."""
    if not model.has_dynamics:
        raise UserError(f"{portrait} is a static portrait: give the one of the dynamic stage.")
    if not audio.is_file():
        raise UserError(f"there is no file {audio}.")
    settings = DriveSettings()
    turn = settings.turn_seconds * model.fps
    motion = read_motion(files.frame_table, files.pose, files.body, files.eyes, turn)
    encoder = SpeechEncoder.from_json(SpeechFeatures.read(files.speech).encoder, files.speech)
    samples = read_audio(audio, RATE)
    count = frame_count(samples, model.fps)
    return count, performances(motion, encoder, samples, count, model.fps, settings)


def _range(first: int, stop: int | None, count: int, whose: str) -> int:
    """The frame after the last of a range.

    Raises:
        UserError: a frame of it is not there, or there is none.
    """
    stop = count if stop is None else stop
    if not 0 <= first < stop <= count:
        wanted = f"frame {first}" if stop == first + 1 else f"frames {first}:{stop}"
        raise UserError(
            f"there are no {wanted} of {whose}, whose frames are 0 to {count - 1}: choose among "
            "those (A:B ends before B)."
        )
    return stop


def _check_known(whole: Performance, first: int, stop: int) -> None:
    missing = first + np.flatnonzero(~whole.head.known[first:stop])
    if len(missing):
        raise UserError(
            f"frame {missing[0]} of the clip has no head pose, since no face was found in it: "
            "choose frames without it."
        )


def _blocks(performance: Performance) -> Iterator[Performance]:
    """A performance in pieces of FRAMES_AT_ONCE: memory does not grow with it."""
    for first in range(0, len(performance), FRAMES_AT_ONCE):
        yield performance[first : first + FRAMES_AT_ONCE]


def _part(blocks: Iterator[Performance], first: int, stop: int) -> Iterator[Performance]:
    """Frames first to stop of blocks that follow each other."""
    start = 0
    for block in blocks:
        if start >= stop:
            return
        piece = block[max(first - start, 0) : max(stop - start, 0)]
        if len(piece):
            yield piece
        start += len(block)


def _told(model: Portrait, portrait: Path) -> list[str]:
    """What the header says of where the Gaussians are from."""
    clip = provenance_of(model.meta.get("dynamic") or model.meta.get("static"))
    told = [f"{name}: {text}" for name, text in clip.told().items()]
    return [
        "Synthetic: a model that was trained on a video of the person shown; portrait sha256: "
        f"{checksum(portrait)}",
        *told,
    ]


def _write(out: Path, field: Posed, model: Portrait, told: list[str], quiet: bool = False) -> None:
    """Write one file, whose header says how its picture is taken."""
    lines = [f"UniGS {unigs.__version__}: {told[0]}", *told[1:]]
    lines += [
        "camera, x_cam = R x + t with x_cam right, down, forward: R "
        + " ".join(f"{x:.9g}" for x in field.R.ravel())
        + " t " + " ".join(f"{x:.9g}" for x in field.t),
        f"picture: focal {model.focal:.9g} size {model.size} pixels, {model.fps:g} frames a second",
    ]  # fmt: skip
    behind = sum(len(layer.gaussians) for layer in model.layers[1:])
    if behind:
        lines.append(LAYERS.format(behind))
        if not quiet:
            log.info("%s: %s", out, lines[-1])
    write_ply(out, field.rows, lines)
    if not quiet:
        size = out.stat().st_size / 1e6
        log.info("%s: %d Gaussians, %.1f MB", out.name, len(field.rows.means), size)


def _refuse_existing(out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise UserError(f"{out} is there already: give another place (--out), or delete it.")
