"""Stage evaluate: how good the rendered test frames are, in figures that say what they mean.

`metrics.json` is a flat list of records (`unigs.evaluate.records`); `frames.csv` has the same per
test frame, for curves and for finding the worst frames.
"""

import contextlib
import logging
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from unigs import cli
from unigs.evaluate import lpips
from unigs.evaluate.device import choose_device, device_name
from unigs.evaluate.eyes import eye_opening, eye_records
from unigs.evaluate.faces import FaceReader
from unigs.evaluate.flicker import Flicker
from unigs.evaluate.image import ImageScores
from unigs.evaluate.inputs import (
    FrameTable,
    check_lengths,
    pick,
    read_action_units,
    read_frame_table,
)
from unigs.evaluate.methods import (
    MEAN,
    NEAREST,
    PORTRAIT,
    SHUFFLED,
    STATIC,
    picture_streams,
    portrait_streams,
    static_stream,
)
from unigs.evaluate.mouth import landmark_distance, mouth_opening, mouth_records, voice_records
from unigs.evaluate.records import Record, find, measured, to_json
from unigs.evaluate.regions import region_masks
from unigs.evaluate.sync import sync_record
from unigs.files import atomic, load_npz, read_json, write_json
from unigs.media.labels import read_labels
from unigs.media.video import read_video
from unigs.progress import progress
from unigs.settings.evaluate import EvaluateSettings

log = logging.getLogger("unigs")

# Methods in whose frames the face is searched; of the nearest frame the landmarks are known.
WITH_FACES = (PORTRAIT, SHUFFLED, STATIC)


def evaluate(
    render: Path,
    shuffled: Path,
    video: Path,
    frames: Path,
    landmarks: Path,
    pose: Path,
    eyes: Path,
    labels: Path,
    run: Path,
    out: Path,
    rows: Path,
    settings: EvaluateSettings,
    static: Path | None = None,
) -> None:
    """Judge the rendered test frames of a clip.

    Args:
        render: lossless render of the test frames.
        shuffled: the same with shuffled speech.
        video: the clip (truth).
        frames: its frame table (.csv).
        landmarks: landmarks of the true frames (.npz).
        pose: head poses (.npz).
        eyes: action units of the true frames (.csv).
        labels: label video of the true frames.
        run: what training wrote about itself (.json): back-ends, device, time.
        out: metrics (.json).
        rows: figures per test frame (.csv).
        settings: section `evaluate`.
        static: the static portrait, as a baseline.
    """
    table = read_frame_table(frames, pose)
    device = choose_device(settings.device)
    truth = Truth.read(table, frames, landmarks, eyes)
    trained = read_json(run)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        streams = portrait_streams(render, shuffled, table)
        if settings.baselines:
            poses = load_npz(pose, "R", "t")
            motion = poses["R"], poses["t"]
            store = Path(scratch) / "nearest.raw"
            streams |= picture_streams(video, *motion, table, store)
            if static is not None:
                streams[STATIC] = static_stream(static, device, *motion, table)
        judge = Judge.build(settings, device, [*streams], stack)
        for index, (real, labelled) in enumerate(
            progress(
                zip(
                    pick(read_video(video), table.test, video),
                    pick(read_labels(labels), table.test, labels),
                    strict=True,
                ),
                total=len(table.test),
                label="evaluate",
            )
        ):
            masks = region_masks(labelled, settings.band_share, settings.erode_share)
            rendered = {name: next(stream) for name, stream in streams.items()}
            judge.add(real, rendered, masks, bool(table.follows[index]))
        for stream in streams.values():
            next(stream, None)  # lets a render that is too long complain
    records = judge.records(truth, real.shape[1], device_name(device))
    write_json(out, report(records, table, trained, truth, device_name(device), real.shape[1]))
    with atomic(rows) as temporary:
        judge.table(truth, table).to_csv(temporary, index=False, float_format="%.6g")
    log.info("%s", headline(to_json(records)))


@dataclass(frozen=True)
class Truth:
    """What is known of the true test frames."""

    points: np.ndarray
    """Landmarks [n,478,3], px; NaN without a face."""
    units: np.ndarray
    """Action units [n,6]."""
    backend: str
    """Landmark detector."""

    @classmethod
    def read(cls, table: FrameTable, frames: Path, landmarks: Path, eyes: Path) -> "Truth":
        """Read and check the rows of landmarks and action units."""
        marks, units = load_npz(landmarks, "points"), read_action_units(eyes)
        check_lengths(table, frames, {landmarks: len(marks["points"]), eyes: len(units)})
        backend = str(marks.get("backend", "unknown"))
        return cls(marks["points"][table.test], units[table.test], backend)


@dataclass
class Judge:
    """Collects the figures of all methods, frame by frame."""

    images: dict[str, ImageScores]
    flicker: dict[str, Flicker]
    faces: dict[str, FaceReader]
    perceptual: lpips.LPIPS | None
    distances: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        settings: EvaluateSettings,
        device: str,
        methods: list[str],
        stack: contextlib.ExitStack,
    ) -> "Judge":
        """Set up a judge for these methods; detectors close with `stack`."""
        pictured = [name for name in methods if name != SHUFFLED]
        network = None
        if settings.lpips_trunk:
            network = lpips.load_lpips(settings.lpips_trunk, settings.lpips_heads, device)
        return cls(
            {name: ImageScores() for name in pictured},
            {name: Flicker() for name in ["truth", *(set(pictured) - {NEAREST, MEAN})]},
            {name: stack.enter_context(FaceReader()) for name in WITH_FACES if name in methods},
            network,
            {name: [] for name in pictured},
        )

    def add(
        self,
        real: np.ndarray,
        rendered: dict[str, np.ndarray],
        masks: dict[str, np.ndarray],
        follows: bool,
    ) -> None:
        """Judge one test frame: truth and the methods' pictures, uint8 [H,W,3]."""
        for name, scores in self.images.items():
            scores.add(real, rendered[name], masks)
            if self.perceptual is not None:
                self.distances[name].append(lpips.distance(self.perceptual, real, rendered[name]))
        for name, flicker in self.flicker.items():
            flicker.add(real if name == "truth" else rendered[name], masks, follows)
        for name, reader in self.faces.items():
            reader.read(rendered[name])

    def records(self, truth: Truth, size: int, device: str) -> list[Record]:
        """All figures."""
        found: list[Record] = []
        for name, scores in self.images.items():
            found += [r.labelled(method=name, device=device) for r in scores.records()]
            found.append(self._lpips(name, device))
        for name, flicker in self.flicker.items():
            found += [r.labelled(device=device) for r in flicker.records(name)]
        for name in (PORTRAIT, STATIC):
            if name in self.faces:
                found += self._face_records(name, truth, size, device)
        render, wrong = self.faces[PORTRAIT].points(), self.faces[SHUFFLED].points()
        found += [
            r.labelled(device=device)
            for r in voice_records(truth.points, render, wrong, size, truth.backend)
        ]
        return [*found, sync_record().labelled(device=device)]

    def _face_records(self, name: str, truth: Truth, size: int, device: str) -> list[Record]:
        reader = self.faces[name]
        points = reader.points()
        found = mouth_records(truth.points, points, size, truth.backend, name)
        found += eye_records(truth.points, points, truth.backend, name)
        return [record.labelled(device=device) for record in found]

    def _lpips(self, name: str, device: str) -> Record:
        values = self.distances[name]
        return measured(
            "lpips",
            float(np.mean(values)) if values else None,
            lpips.NO_WEIGHTS,
            method=name,
            frames=len(values),
            backend="LPIPS 0.1, AlexNet",
            device=device,
            how="mean of the frames' distance, full frame",
        )

    def table(self, truth: Truth, table: FrameTable) -> pd.DataFrame:
        """One row per test frame; the portrait's own columns, and the baselines' full PSNR."""
        columns = {"frame": table.test, "time": table.time[table.test]}
        for key in self.images[PORTRAIT].rows[0]:
            columns[key] = [row[key] for row in self.images[PORTRAIT].rows]
        for name in self.images:
            if name != PORTRAIT:
                columns[f"psnr_full_{name}"] = [r["psnr_full"] for r in self.images[name].rows]
        if self.distances[PORTRAIT]:
            columns["lpips"] = self.distances[PORTRAIT]
        points = {name: reader.points() for name, reader in self.faces.items()}
        columns["lmd"] = landmark_distance(truth.points, points[PORTRAIT])
        columns["lmd_shuffled"] = landmark_distance(truth.points, points[SHUFFLED])
        for name, marks in {"truth": truth.points, **points}.items():
            columns[f"opening_{name}"] = mouth_opening(marks)
            columns[f"eye_{name}"] = eye_opening(marks)
        return pd.DataFrame(columns)


def report(
    records: list[Record],
    table: FrameTable,
    trained: dict,
    truth: Truth,
    device: str,
    size: int,
) -> dict:
    """The content of metrics.json."""
    rows = to_json(records)
    return {
        "test_frames": len(table.test),
        "first_test_frame": int(table.test[0]),
        "last_test_frame": int(table.test[-1]),
        "training_frames": len(table.train),
        "size": size,
        "fps": table.fps,
        "device": device,
        "truth_pasted": False,
        "compared": "lossless render with the decoded clip, 8 bit",
        "landmark_backend": truth.backend,
        "backends": {key: str(value) for key, value in trained.get("backends", {}).items()},
        "training": {key: trained[key] for key in ("device", "seconds", "seed") if key in trained},
        "summary": summary(rows),
        "metrics": rows,
    }


def summary(rows: list[dict]) -> dict[str, float | None]:
    """The portrait's own figures by short names (psnr, psnr_hair, lmd_256, ...)."""
    own = [row for row in rows if row["method"] == PORTRAIT]
    plain = ("full", "mouth", "eyes")
    regional = {row["metric"] for row in own if row["region"] not in plain}
    found = {}
    for row in own:
        short = row["region"] == "full" or row["metric"] not in regional
        found[row["metric"] if short else f"{row['metric']}_{row['region']}"] = row["value"]
    return found


def headline(rows: list[dict]) -> str:
    """One line for the log."""
    parts = []
    for metric, region in (
        ("psnr", "full"), ("ssim", "full"), ("psnr", "hair"), ("psnr", "torso"), ("psnr", "band"),
        ("lmd_256", "mouth"), ("opening_correlation", "mouth"), ("lmd_256_gain", "mouth"),
    ):  # fmt: skip
        row = find(rows, metric, region)
        value = "-" if row is None or row["value"] is None else f"{row['value']:.4g}"
        parts.append(f"{metric} {region} {value}")
    return ", ".join(parts)


if __name__ == "__main__":
    cli.run(evaluate)
