"""Stage export_player: a portrait, the player and a recording as one web page."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from unigs.drive.speak import (
    frame_count,
    hear,
    load_talking,
    read_motion,
    statement_of,
    usable_frames,
)
from unigs.media.audio import RATE, read_audio
from unigs.model.portrait import Portrait
from unigs.playback.regions import regions_of
from unigs.provenance.clip import UNTOLD, Provenance
from unigs.settings.drive import DriveSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage import cli
from unigs.stage.files import write_text
from unigs.subject.features import SpeechFeatures
from unigs.subject.frame_table import read_frame_table
from unigs.subject.performance import read_performance
from unigs.web import constants
from unigs.web.page import page_of
from unigs.web.payload import encode

log = logging.getLogger("unigs")

LONGEST = 60
"""Seconds of a recording that a page comes with at most: a minute of sound is 2 MB."""


def export_player(
    portrait: Path,
    audio: Path,
    frame_table: Path,
    pose: Path,
    body: Path,
    eyes: Path,
    speech: Path,
    labels: Path,
    out: Path,
    settings: DriveSettings,
    provenance: Provenance = UNTOLD,
    title: str = "Talking portrait",
    encoder: bool = True,
) -> None:
    """Write one HTML file that plays the portrait in a browser, without a network.

    It speaks a recording with head motion and blinks of the portrait's own clip, as `drive` does,
    and other recordings that people drop or speak into a microphone. That the person did not say
    this stands on the page, and every frame bears the visible mark, whatever the settings say.

    Args:
        portrait: of the dynamic stage (.safetensors).
        audio: any file with sound, whose first minute the page comes with.
        frame_table: frame table of the clip (frames.csv).
        pose: head poses of the clip (pose.npz).
        body: motion of the torso in the clip (motion.npz).
        eyes: action units of the clip (eyes.csv).
        speech: features.npz of the clip; tells how speech is encoded and normalized.
        labels: label video of the clip (labels.mkv), which says what each Gaussian shows.
        out: page to write (.html).
        settings: section `drive`.
        provenance: where the clip is from and by whose leave; what is not told is taken from the
            portrait's own record.
        title: the page's heading.
        encoder: embed the speech encoder, so that the page hears other recordings. Off: a page
            with the features of its recording alone, which is 10 MB smaller with Whisper.

    Raises:
        UserError: a file is missing, does not fit the others, or has no sound.
    """
    model = load_talking(portrait)
    hearing = SpeechEncoder.from_json(SpeechFeatures.read(speech).encoder, speech)
    motion = read_motion(frame_table, pose, body, eyes, settings.turn_seconds * model.fps)
    table = read_frame_table(frame_table)
    performance = read_performance(table, pose, body, eyes, speech)
    usable = usable_frames(table, performance)
    parts = [
        constants.portrait_part(model),
        constants.motion_part(motion, settings, model.motion.config["eyes"]),
        constants.speech_part(hearing, model.fps, settings, encoder),
        _heard(hearing, _beginning(audio), model, settings, audio.name),
        ({}, {"regions": regions_of(model, performance, usable, labels)}),
    ]
    header = {key: value for part, _ in parts for key, value in part.items()}
    arrays = {name: values for _, part in parts for name, values in part.items()}
    said = statement_of(model, portrait, audio, True, provenance).comment()
    whisper = header["speech"]["kind"] == "whisper"
    page = page_of(encode(header, arrays, constants.EXACT), title, said, whisper)
    write_text(out, page)
    log.info("%s: %.1f MB, %d Gaussians", out, len(page) / 1e6, len(model.gaussians))
    if header["speech"]["kind"] == "none":
        log.info("%s", header["speech"]["reason"])


def _beginning(audio: Path) -> np.ndarray:
    """The first LONGEST seconds of a recording, samples [n] at RATE."""
    samples = read_audio(audio, RATE)
    if len(samples) > LONGEST * RATE:
        log.info("%s: the page comes with its first %d seconds", audio, LONGEST)
    return samples[: LONGEST * RATE]


def _heard(
    encoder: SpeechEncoder,
    samples: np.ndarray,
    model: Portrait,
    settings: DriveSettings,
    name: str,
) -> tuple[dict, constants.Arrays]:
    """The recording and what the encoder hears in it, as `drive` does."""
    count = frame_count(samples, model.fps)
    columns, rest = hear(encoder, samples, count, model.fps, settings)
    return constants.recording_part(samples, columns, rest, name)


if __name__ == "__main__":
    cli.run(export_player)
