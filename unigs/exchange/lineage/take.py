"""Take a folder of AD-NeRF's layout in: files that the preparation of a subject goes on from."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

import unigs
from unigs.exchange.lineage.cameras import Cameras, read_cameras
from unigs.exchange.lineage.layout import OWN_FEATURES, PLATE, SOUND, TRAIN_FILE, UNITS, VAL_FILE
from unigs.exchange.lineage.pictures import (
    Pictures,
    check_poses,
    find_pictures,
    read_parsing,
    scaled,
)
from unigs.exchange.lineage.sound import find_features, read_features, read_sound, speech_file
from unigs.exchange.lineage.track import check_track
from unigs.exchange.lineage.units import read_units
from unigs.media.audio import write_wav
from unigs.media.images import read_image, write_png
from unigs.media.video import VideoWriter
from unigs.speech.encoder import is_given
from unigs.stage.checksum import checksum
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, write_json
from unigs.stage.leftovers import scratch_folder
from unigs.stage.progress import progress
from unigs.subject.features import FACE_UNITS, SpeechFeatures, write_action_units
from unigs.subject.frame_table import TEST, TRAIN, FrameTable
from unigs.subject.given import GivenPoses
from unigs.subject.labels import write_labels
from unigs.subject.trajectory import RigidTrajectory
from unigs.workflow import imports

log = logging.getLogger("unigs")

OFF_CENTER = 0.5
"""Pixels by which the principal point may lie beside the middle of the picture."""
CODEC = "H.264 (x264) at crf 10, yuv420p, BT.709"
"""How pictures are kept, like those of any clip: `high` of `unigs.media.video.VideoWriter`."""


@dataclass(frozen=True)
class Choices:
    """What is taken of a folder, where there is a choice."""

    pictures: str | None = None
    """Folder of pictures, `gt_imgs` or `ori_imgs`; None: the first of these that is there."""
    speech: Literal["auto", "ours", "theirs"] = "auto"
    """Audio features: encoded here from the sound, or the folder's as they are. auto: those that
    an export of this pipeline kept; else ours where there is sound; else theirs."""
    features: Path | None = None
    """File of the folder's audio features; None: the one that is there."""
    eyes: Literal["auto", "ours", "theirs"] = "auto"
    """Action units: measured here from landmarks, or those of au.csv. auto: theirs if they are
    there."""
    regions: Literal["ours", "theirs"] = "ours"
    """Regions and background: measured here, or `parsing` and `bc.jpg`."""
    audio: Path | None = None
    """File with the sound; None: `aud.wav`."""
    fps: float = 25.0
    """Pictures per second."""
    size: int = 0
    """Side of the clip, pixels; 0: that of the pictures."""


class _Folder:
    """A folder of the layout that was looked through, and what is taken of it.

    Args:
        folder: the folder.
        choices: what to take.

    Raises:
        UserError: something in it does not fit the rest; see the readers.
    """

    def __init__(self, folder: Path, choices: Choices) -> None:
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder: give one of AD-NeRF's layout.")
        self.folder, self.choices, fps = folder, choices, choices.fps
        if not 1 <= fps <= 120:
            raise UserError(f"--fps is {fps:g}: give 1 to 120 pictures per second.")
        self.cameras = read_cameras(folder)
        self.pictures = find_pictures(folder, choices.pictures, self.cameras.count)
        check_poses(self.pictures, self.cameras.count, f"{TRAIN_FILE} and {VAL_FILE}")
        _check_center(folder, self.cameras, self.pictures)
        self.count = len(self.pictures)
        self.side = choices.size or self.pictures.size
        if self.side < 64 or self.side % 2:
            raise UserError(f"--size is {self.side}: give an even number of pixels from 64 on.")
        self.track = check_track(folder, self.cameras, self.count)
        self.samples = self._sound()
        self.units = self._units()
        self.speech = self._speech()
        if choices.regions == "theirs" and not (folder / PLATE).is_file():
            raise UserError(f"{folder} has no {PLATE}: without it take --regions ours.")

    def _sound(self) -> np.ndarray | None:
        path = self.choices.audio or self.folder / SOUND
        if self.choices.audio is None and not path.is_file():
            return None
        return read_sound(path, self.count, self.pictures.folder, self.choices.fps)

    def _units(self) -> np.ndarray | None:
        path, wanted = self.folder / UNITS, self.choices.eyes
        if wanted == "ours" or (wanted == "auto" and not path.is_file()):
            return None
        if wanted == "auto" and not _has_all_units(path):
            log.warning(
                "%s lacks action units of %s: they are measured here.",
                path, ", ".join(FACE_UNITS),
            )  # fmt: skip
            return None
        return read_units(self.folder, self.count, self.pictures.folder, self.choices.fps)

    def _speech(self) -> SpeechFeatures | None:
        """Features that are taken as they are; None: they are encoded here."""
        wanted, own = self.choices.speech, self.folder / OWN_FEATURES
        if wanted != "ours" and own.is_file() and self.choices.features is None:
            kept = SpeechFeatures.read(own)
            self._table(own).check_rows(own, kept)
            return kept
        if wanted == "ours" or (wanted == "auto" and self.samples is not None):
            if self.samples is None:
                raise UserError(
                    f"{self.folder} has no {SOUND} to encode: give the sound (--audio FILE), or "
                    "take its audio features as they are (--speech theirs)."
                )
            return None
        path = find_features(self.folder, self.choices.features)
        if path is None:
            raise UserError(
                f"{self.folder} has neither {SOUND} nor audio features (aud_ds.npy, ...): give the "
                "sound (--audio FILE)."
            )
        given = read_features(path, self.count, self.pictures.folder, self.choices.fps)
        rows = np.arange(self.count)
        rows[self.cameras.pictures] = self.cameras.rows
        train = np.isin(np.arange(self.count), self.cameras.pictures[~self.cameras.test])
        return speech_file(given, rows, train, self.samples)

    def _table(self, path: Path) -> FrameTable:
        """The frame table: their split; frames that they list nowhere do not count."""
        listed = np.isin(np.arange(self.count), self.cameras.pictures)
        after = np.searchsorted(self.cameras.pictures, np.arange(self.count), side="right") - 1
        split = np.where(self.cameras.test[np.maximum(after, 0)], TEST, TRAIN)
        return FrameTable(
            path,
            np.arange(self.count) / self.choices.fps,
            listed,
            np.where(listed, "", "user").astype(object),
            split,
        )

    def poses(self) -> GivenPoses:
        """Their poses, NaN in frames that they list nowhere."""
        R = np.full((self.count, 3, 3), np.nan)
        t = np.full((self.count, 3), np.nan)
        R[self.cameras.pictures], t[self.cameras.pictures] = self.cameras.R, self.cameras.t
        focal = self.cameras.focal * self.side / self.pictures.size
        return GivenPoses(RigidTrajectory(R, t), focal, self.side, f"{TRAIN_FILE}, as given")

    def write(self, out: Path) -> None:
        """Write all files of the import but its record."""
        fps, side = self.choices.fps, self.side
        sound = None
        if self.samples is not None:
            sound = out / imports.SOUND
            sound.parent.mkdir(parents=True)
            with atomic(sound) as temporary:
                write_wav(temporary, self.samples)
        with (
            atomic(out / imports.VIDEO) as temporary,
            VideoWriter(temporary, side, side, fps, "high", audio=sound) as writer,
        ):
            for image in self._shown(self.pictures.read(side), "pictures"):
                writer.write(image)
        table = self._table(out / imports.GIVEN_TABLE)
        table.path.parent.mkdir()
        table.write()
        self.poses().write(out / imports.GIVEN_POSES)
        if self.units is not None:
            write_action_units(out / imports.EYES, np.clip(self.units, 0, 5))
        if self.speech is not None:
            self.speech.write(out / imports.FEATURES)
        if self.choices.regions == "theirs":
            with atomic(out / imports.LABELS) as temporary:
                labels = read_parsing(self.folder, self.pictures, side)
                write_labels(temporary, self._shown(labels, "regions"), side, side, fps)
            plate = read_image(self.folder / PLATE)
            if plate.shape[:2] != (self.pictures.size,) * 2:
                raise UserError(
                    f"{self.folder / PLATE} has another size than the pictures: make it anew, or "
                    "take --regions ours."
                )
            write_png(out / imports.BACKGROUND, scaled(plate, side))
            write_png(out / imports.HOLE, np.zeros((side, side), np.uint8))

    def _shown(self, images: Iterator[np.ndarray], label: str) -> Iterator[np.ndarray]:
        return iter(progress(images, total=self.count, label=label))

    def record(self) -> dict:
        """What was taken, in words and numbers."""
        cameras, speech = self.cameras, self.speech
        heard = "encoded here from the sound" if speech is None else speech.backend
        theirs = self.choices.regions == "theirs"
        return {
            "format": imports.FORMAT,
            "layout": "AD-NeRF",
            "folder": str(self.folder),
            "unigs": unigs.__version__,
            "frames": {
                "all": self.count,
                "train": int((~cameras.test).sum()),
                "test": int(cameras.test.sum()),
            },
            "fps": self.choices.fps,
            "size": self.side,
            "focal": cameras.focal * self.side / self.pictures.size,
            "hears": speech is None or not is_given(speech.encoder),
            "taken": {
                "pictures": f"{self.pictures.folder.name} ({self.pictures.coding}), kept as "
                f"{CODEC}",
                "poses": f"{TRAIN_FILE} and {VAL_FILE}"
                + ("" if cameras.unit == 1 else ", decimeters made meters"),
                "track_params.pt": self.track,
                "landmarks": "found here: the 68 of the layout are too few",
                "eyes": "measured here" if self.units is None else UNITS,
                "sound": "none" if self.samples is None else "as given, 16 kHz, one channel",
                "speech": heard,
                "regions": "parsing and bc.jpg" if theirs else "measured here",
            },
        }


def import_lineage(folder: Path, out: Path, choices: Choices) -> dict:
    """Take a folder in.

    Args:
        folder: folder of AD-NeRF's layout.
        out: folder to write, which must not be there: it appears as a whole or not at all.
        choices: what to take.

    Returns:
        The record of the import, as it stands in its `import.json`.

    Raises:
        UserError: `out` is there, or something in the folder does not fit the rest.
    """
    if out.exists():
        raise UserError(
            f"{out} is there already: give the import another name (--name), or delete that folder."
        )
    found = _Folder(folder, choices)
    with scratch_folder(out.parent) as scratch:
        new = scratch / "import"
        found.write(new)
        files = sorted(path for path in new.rglob("*") if path.is_file())
        sums = {str(path.relative_to(new)): checksum(path) for path in files}
        record = found.record() | {"sha256": sums}
        write_json(new / imports.RECORD, record)
        shutil.move(new, out)
    return record


def _check_center(folder: Path, cameras: Cameras, pictures: Pictures) -> None:
    """Refuse a principal point that is not in the middle."""
    middle = pictures.size / 2
    if max(abs(value - middle) for value in cameras.center) > OFF_CENTER:
        x, y = cameras.center
        raise UserError(
            f"{folder / TRAIN_FILE}: cx {x:g}, cy {y:g} is not the middle of pictures of "
            f"{pictures.size}x{pictures.size}: they were cropped or scaled after the poses were "
            "found, or are other pictures; give those of the poses (--pictures)."
        )


def _has_all_units(path: Path) -> bool:
    with open(path, encoding="utf-8", errors="replace") as file:
        names = {name.strip() for name in file.readline().split(",")}
    return {f"{name}_r" for name in FACE_UNITS} <= names
