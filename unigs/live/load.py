"""From the files of a finished portrait to an engine that plays it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import unigs
from unigs.compute.device import pick_device
from unigs.drive.speak import load_talking, read_motion
from unigs.live.engine import Engine
from unigs.playback.play import Playback
from unigs.provenance.clip import provenance_of
from unigs.provenance.statement import MARKED, SYNTHETIC
from unigs.settings.drive import DriveSettings
from unigs.speech.encoder import SpeechEncoder
from unigs.stage.checksum import checksum
from unigs.subject.features import ACTION_UNITS, SpeechFeatures
from unigs.workflow.portrait_files import find_portrait

log = logging.getLogger("unigs")

MOVING_LID = 1.0
"""AU45 above which a lid moves."""


@dataclass(frozen=True)
class Speaker:
    """A portrait that can be watched, and what is said of it."""

    engine: Engine
    """Plays it."""
    title: str
    """Name of the subject."""
    statement: str
    """Where it is from, and that the person did not say this."""


def load_speaker(subject: str, variant: str, settings: DriveSettings | None = None) -> Speaker:
    """Load what plays a finished portrait live.

    Args:
        subject: name in results, or path of the folder.
        variant: name of the portrait's variant.
        settings: section `drive`; None: as usual.

    Raises:
        UserError: a file is missing, does not fit the others, or the portrait cannot hear live.
    """
    settings = settings or DriveSettings()
    files = find_portrait(subject, variant)
    portrait = load_talking(files.portrait, pick_device(settings.device))
    motion = read_motion(
        files.frame_table,
        files.pose,
        files.body,
        files.eyes,
        settings.turn_seconds * portrait.fps,
    )
    if not (motion.eyes[:, ACTION_UNITS.index("AU45")] > MOVING_LID).any():
        log.info("%s: the piece of the clip that is replayed has no blink", files.folder.name)
    encoder = SpeechEncoder.from_json(SpeechFeatures.read(files.speech).encoder, files.speech)
    engine = Engine(Playback(portrait), encoder, motion, settings)
    told = provenance_of(portrait.meta.get("dynamic", {})).told()
    parts = [
        f"{SYNTHETIC} Rendered live by UniGS {unigs.__version__}",
        f"portrait sha256: {checksum(files.portrait)}",
        f"visible mark: {MARKED}",
        *(f"{name}: {text}" for name, text in told.items()),
    ]
    return Speaker(engine, files.folder.resolve().name, "; ".join(parts) + ".")
