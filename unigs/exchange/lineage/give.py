"""Give a prepared subject out in AD-NeRF's layout: others run on the same frames and split."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

import unigs
from unigs.exchange.lineage.cameras import Cameras, write_cameras
from unigs.exchange.lineage.layout import (
    FEATURES,
    FPS,
    ON_PLATE,
    OWN_FEATURES,
    OWN_RECORD,
    PARSING,
    PLATE,
    SOUND,
    TEETH,
    TORSO,
    TRACK,
    TRUE_PICTURES,
    UNITS,
)
from unigs.exchange.lineage.pictures import COLOR_OF, write_jpeg, write_rgba
from unigs.exchange.lineage.track import write_track
from unigs.exchange.lineage.units import write_units
from unigs.face.lips import lip_shape
from unigs.face.mesh import IBUG68, LIPS_INNER
from unigs.media.audio import RATE, read_audio, write_wav
from unigs.media.images import read_image, write_png
from unigs.media.video import read_video
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, write_json, write_text
from unigs.stage.leftovers import scratch_folder
from unigs.stage.progress import progress
from unigs.subject.features import HeadPoses, Landmarks, SpeechFeatures, read_action_units
from unigs.subject.frame_table import TEST, FrameTable, read_frame_table
from unigs.subject.labels import BACKGROUND, MOUTH, read_labels
from unigs.subject.labels import FACE as HEAD
from unigs.subject.labels import TORSO as TORSO_LABEL

CODEC = "JPEG of quality 100, 4:4:4"
"""How pictures are written: the lineage's loaders want .jpg."""
NOTES = (
    "id and exp of track_params.pt are zero: no Basel face model is fitted.",
    "torso_imgs hold the torso as seen, without the lineage's painting under the head; its "
    "process.py --task 6 paints it.",
    "teeth_mask is empty: what is inside the lips is mouth in parsing.",
    "AU25 is the opening of the lips by their landmarks.",
    "aud_ds.npy is for the lineage's own extractor to make of aud.wav: process.py --task 2.",
)
"""What a reader of the folder has to know."""


@dataclass(frozen=True)
class Prepared:
    """A subject's files that are given out."""

    folder: Path
    """Its folder of results."""
    pose: Path
    """Its head poses."""

    def at(self, name: str) -> Path:
        """A file of the preparation.

        Raises:
            UserError: it is not there.
        """
        path = self.folder / name
        if not path.is_file():
            raise UserError(
                f"{path} does not exist: prepare the subject first (snakemake prepare), and give "
                "its folder in results."
            )
        return path


class _Subject:
    """What is known of the frames that are given out: those up to the last that counts.

    Args:
        files: where it stands.

    Raises:
        UserError: a file is missing, or has not one row for each frame.
    """

    def __init__(self, files: Prepared) -> None:
        self.files = files
        table = read_frame_table(files.at("clip/frames.csv"))
        poses = HeadPoses.read(files.pose)
        marks = Landmarks.read(files.at("face/landmarks.npz"))
        units = read_action_units(files.at("face/eyes.csv"))
        speech = SpeechFeatures.read(files.at("speech/features.npz"))
        for path, rows in (
            (files.pose, poses), ("face/landmarks.npz", marks), ("face/eyes.csv", units),
            ("speech/features.npz", speech),
        ):  # fmt: skip
            table.check_rows(files.folder / path, rows)
        self.listed = np.flatnonzero(table.keep & poses.head.known)
        if not len(self.listed):
            raise UserError(f"{table.path} keeps no frame: there is nothing to give out.")
        # The lineage takes pictures behind the last pose for pictures without a face.
        self.count = int(self.listed[-1]) + 1
        self.table: FrameTable = table
        self.poses, self.marks = poses, marks
        self.units, self.speech = units[: self.count], speech

    def cameras(self) -> Cameras:
        """Poses and split of the frames that count."""
        head, rows, middle = self.poses.head, self.listed, self.poses.size / 2
        return Cameras(
            rows, rows, self.table.split[rows] == TEST, head.R[rows], head.t[rows],
            self.poses.focal, (middle, middle), 1.0,
        )  # fmt: skip

    def features(self) -> SpeechFeatures:
        """Speech features of the frames that are given out."""
        return replace(self.speech, windows=self.speech.windows[: self.count])

    def opening(self) -> np.ndarray:
        """How far the lips are parted, from 0 (as closed as ever) to 5, float [count]."""
        shape = lip_shape(self.marks.points)[: self.count, 0]
        low, high = np.nanpercentile(shape, [5, 99])
        return np.nan_to_num(np.clip(5 * (shape - low) / max(high - low, 1e-6), 0, 5))


def export_lineage(files: Prepared, out: Path) -> dict:
    """Write a folder of the layout.

    Args:
        files: the prepared subject.
        out: folder to write, which must not be there: it appears as a whole or not at all.

    Returns:
        The record of the export, as it stands in its `unigs/export.json`.

    Raises:
        UserError: `out` is there, or a file of the subject is missing or does not fit the others.
    """
    if out.exists():
        raise UserError(f"{out} is there already: give another folder, or delete that one.")
    subject = _Subject(files)
    if abs(subject.table.fps - FPS) > 0.01:
        raise UserError(
            f"{subject.table.path} has {subject.table.fps:g} frames a second: the lineage's "
            "systems know 25 alone; prepare the clip with crop: {fps: 25}."
        )
    with scratch_folder(out.parent) as scratch:
        new = scratch / "export"
        new.mkdir()
        _write_tables(subject, new)
        _write_pictures(subject, new)
        record = _record(subject)
        write_json(new / OWN_RECORD, record)
        shutil.move(new, out)
    return record


def _write_tables(subject: _Subject, new: Path) -> None:
    """Write all that is no picture."""
    head, count = subject.poses.head, subject.count
    write_cameras(new, subject.cameras())
    write_units(new / UNITS, subject.units, subject.opening(), FPS)
    write_track(
        new / TRACK, head.R[:count], head.t[:count], subject.poses.focal, subject.poses.shape
    )
    features = subject.features()
    features.write(new / OWN_FEATURES)
    name = json.loads(features.encoder).get("given")
    if name in FEATURES:
        raw = features.windows * features.std + features.mean
        with atomic(new / name) as temporary:
            np.save(temporary, raw.astype(np.float32))
    sound = subject.files.folder / "speech/audio.wav"
    if sound.is_file():
        with atomic(new / SOUND) as temporary:
            write_wav(temporary, read_audio(sound, RATE)[: round(count * RATE / FPS)])


def _write_pictures(subject: _Subject, new: Path) -> None:
    """Write pictures, regions, landmarks and plate."""
    files, points = subject.files, subject.marks.points
    plate = read_image(files.at("regions/background.png"))
    write_jpeg(new / PLATE, plate)
    size, teeth = subject.poses.size, None
    (new / TEETH).mkdir()
    for k, (image, labels) in enumerate(_frames(subject)):
        if image.shape != (size, size, 3) or labels.shape != plate.shape[:2]:
            raise UserError(f"{files.folder}: clip, regions, poses differ in size: prepare anew.")
        write_jpeg(new / TRUE_PICTURES / f"{k}.jpg", image)
        person = labels != BACKGROUND
        write_jpeg(new / ON_PLATE / f"{k}.jpg", np.where(person[..., None], image, plate))
        torso = (labels == TORSO_LABEL).astype(np.uint8) * 255
        write_rgba(new / TORSO / f"{k}.png", image, torso)
        write_png(new / PARSING / f"{k}.png", COLOR_OF[_with_lips(labels, points[k])])
        if np.isfinite(points[k]).all():
            rows = "".join(f"{x:f} {y:f}\n" for x, y in points[k][list(IBUG68), :2])
            write_text(new / TRUE_PICTURES / f"{k}.lms", rows)
        if teeth is None:
            teeth = new / TEETH / "0.npy"
            np.save(teeth, np.zeros((size, size), bool))
        else:
            _same(teeth, new / TEETH / f"{k}.npy")


def _frames(subject: _Subject) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Picture and labels of each frame that is given out.

    Raises:
        UserError: clip or label video end before the frame table does.
    """
    files = subject.files
    video, labels = files.at("clip/video.mp4"), files.at("regions/labels.mkv")
    pairs, seen = zip(read_video(video), read_labels(labels), strict=False), 0
    for seen, pair in enumerate(progress(pairs, total=subject.count, label="pictures"), 1):
        yield pair
        if seen == subject.count:
            return
    raise UserError(
        f"{video} or {labels} has {seen} frames, {subject.table.path} more: prepare the subject "
        "anew."
    )


def _with_lips(labels: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Labels in which mouth is what is inside the lips, as in the lineage, and lips are face.

    Args:
        labels: uint8 [H,W]; mouth goes to the outer edge of the lips and a little beyond.
        points: landmarks [478,3], pixels; NaN where no face was found: nothing is changed.
    """
    if not np.isfinite(points).all():
        return labels
    inside = np.zeros(labels.shape, np.uint8)
    cv2.fillPoly(inside, [np.round(points[list(LIPS_INNER), :2]).astype(np.int32)], 1)
    lips = (labels == MOUTH) & (inside == 0)
    return np.where(lips, HEAD, labels)


def _same(file: Path, other: Path) -> None:
    """Another name for a file, or a copy where the disk has no second names."""
    try:
        other.hardlink_to(file)
    except OSError:
        shutil.copyfile(file, other)


def _record(subject: _Subject) -> dict:
    """What was given out, in words and numbers."""
    cameras, left_out = subject.cameras(), len(subject.table) - len(subject.listed)
    return {
        "layout": "AD-NeRF",
        "unigs": unigs.__version__,
        "subject": subject.files.folder.name,
        "poses": str(subject.files.pose.relative_to(subject.files.folder)),
        "frames": {
            "pictures": subject.count,
            "train": int((~cameras.test).sum()),
            "test": int(cameras.test.sum()),
            "left_out": left_out,
        },
        "pictures": CODEC,
        "speech": f"{subject.speech.backend}, in {OWN_FEATURES}",
        "notes": list(NOTES),
    }
