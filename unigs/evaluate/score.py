"""Stage evaluate: how good the rendered test frames are, in figures that say what they mean.

`metrics.json` is a flat list of records (`unigs.evaluate.records`); `frames.csv` has the same per
test frame, for curves and for finding the worst frames.
"""

import contextlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from unigs.compute.device import device_name, pick_device
from unigs.evaluate.contestants import nearest_by_pose, picture_streams, static_stream
from unigs.evaluate.document import PASTED, document, headline
from unigs.evaluate.foreign import Foreign
from unigs.evaluate.interval import mean, with_intervals, write_draws
from unigs.evaluate.judge import Judge, Truth
from unigs.evaluate.records import FULL, PORTRAIT, SHUFFLED, STATIC
from unigs.evaluate.regions import region_masks
from unigs.evaluate.split import Split, split_of
from unigs.evaluate.streams import pick, read_aligned
from unigs.evaluate.vmaf import vmaf, vmaf_record
from unigs.face.detectors import open_detectors
from unigs.media.audio import RATE, read_audio
from unigs.media.video import probe, read_video
from unigs.pretrained.auto import settled_settings
from unigs.settings.evaluate import ScoreSettings
from unigs.stage import cli
from unigs.stage.errors import UserError
from unigs.stage.files import atomic, read_json, write_json
from unigs.stage.leftovers import scratch_folder
from unigs.stage.progress import progress
from unigs.subject.features import Landmarks
from unigs.subject.frame_table import read_frame_table
from unigs.subject.labels import read_labels
from unigs.subject.performance import Performance, read_performance

log = logging.getLogger("unigs")


def evaluate(
    render: Path,
    video: Path,
    frame_table: Path,
    landmarks: Path,
    pose: Path,
    labels: Path,
    out: Path,
    rows: Path,
    settings: ScoreSettings,
    shuffled: Path | None = None,
    run: Path | None = None,
    body: Path | None = None,
    audio: Path | None = None,
    static: Path | None = None,
    static_run: Path | None = None,
    placement: Path | None = None,
    draws: Path | None = None,
) -> None:
    """Judge the rendered test frames of a clip.

    Args:
        render: lossless render of the test frames.
        video: the clip (truth).
        frame_table: the clip's frame table (.csv).
        landmarks: landmarks of the true frames (.npz).
        pose: head poses (.npz).
        labels: label video of the true frames.
        out: figures (.json).
        rows: figures per test frame (.csv).
        settings: fields of the section `evaluate` that say how frames are compared.
        shuffled: lossless render of the test frames with shuffled speech; None: there is none.
        run: what training wrote about itself (.json): back-ends, device, time.
        body: motion of the torso (.npz), for the static portrait.
        audio: the clip's sound (.wav), for figures of sync.
        static: the static portrait, as a baseline.
        static_run: run.json of the static stage, whose time is added to the training time.
        placement: for a render of another system, what place_render found (.json).
        draws: figures of the portrait by draws of the bootstrap (.npz), to write.

    Raises:
        UserError: a file is missing or damaged, describes another number of frames, or has pictures
            of another size.
    """
    settings, missing = settled_settings("evaluate", settings)
    for sentence in missing:
        log.info("%s", sentence)
    table = read_frame_table(frame_table)
    performance, marks = read_performance(table, pose, body), Landmarks.read(landmarks)
    table.check_rows(landmarks, marks)
    split = split_of(table, performance.head.known)
    name = device_name(pick_device(settings.device).type)
    foreign = None if placement is None else Foreign.read(placement)
    trained = [read_json(path) for path in (static_run, run) if path is not None]
    samples = None if audio is None else read_audio(audio, RATE)
    with scratch_folder() as scratch, contextlib.ExitStack() as stack:
        scene = Scene(video, labels, split, performance, marks, foreign)
        scene.check_sizes(render, shuffled)
        streams = scene.streams(render, shuffled, static, settings, scratch)
        judge, truth = scene.judge(streams, settings, stack)
        size = score_frames(judge, streams, scene, settings)
        viewed = vmaf(render, scene.truths(), scene.box(size)[2:], table.fps, scratch)
    records = judge.records(truth, size, name, split, samples)
    records.append(vmaf_record(viewed).labeled(device=name))
    statistics = judge.statistics(truth, size)
    if viewed is not None:
        statistics["vmaf", FULL, PORTRAIT] = mean(viewed)
    frames = judge.table(truth, split)
    if viewed is not None:
        frames["vmaf"] = viewed
    if foreign is not None:
        records, frames = foreign.valid(records), foreign.valid_columns(frames)
    records, kept = with_intervals(records, statistics, split.test, table.fps)
    content = document(records, split, truth, trained, name, size, settings.torso, foreign)
    write_json(out, content)
    if draws is not None:
        write_draws(draws, {key: row for key, row in kept.items() if key[2] == PORTRAIT})
    with atomic(rows) as temporary:
        frames.to_csv(temporary, index=False, float_format="%.6g")
    log.info("%s", headline(content["metrics"]))


@dataclass(frozen=True)
class Scene:
    """The clip whose test frames are judged."""

    video: Path
    labels: Path
    split: Split
    performance: Performance
    marks: Landmarks
    foreign: Foreign | None
    """What is known of another system's render; None: the render is ours."""

    def check_sizes(self, *renders: Path | None) -> None:
        """Stop where pictures would not lie on the clip's, pixel by pixel.

        Args:
            *renders: renders of the test frames; None: there is none.

        Raises:
            UserError: a file cannot be read, or labels or a render have another size.
        """
        clip = probe(self.video)
        whole, like = (clip.width, clip.height), str(self.video)
        told = [(self.labels, whole, like, "segment_regions")]
        if self.foreign is None:
            wanted = whole, like, "render_test"
        else:
            wanted = self.foreign.box[2:], f"its placement in {like}", "place_render"
        told += [(path, *wanted) for path in renders if path is not None]
        for path, (width, height), like, stage in told:
            own = probe(path)
            if (own.width, own.height) != (width, height):
                raise UserError(
                    f"{path} is {own.width}x{own.height} pixels and {like} {width}x{height}: run "
                    f"{stage} anew."
                )

    def streams(
        self,
        render: Path,
        shuffled: Path | None,
        static: Path | None,
        settings: ScoreSettings,
        scratch: Path,
    ) -> dict[str, Iterator[np.ndarray]]:
        """Method -> its pictures of the test frames, uint8 [h,w,3], in order."""
        count = len(self.split.test)
        found = {PORTRAIT: read_aligned(render, count)}
        if shuffled is not None:
            found[SHUFFLED] = read_aligned(shuffled, count)
        if self.has_baselines(settings):
            kept = scratch / "nearest.raw"
            found |= picture_streams(self.video, self.split, self.nearest, kept)
        # A static portrait over a true torso would be one more thing that was not rendered.
        if self.has_baselines(settings) and static is not None and settings.torso != PASTED:
            device = pick_device(settings.device).type
            found[STATIC] = static_stream(static, device, self.performance, self.split)
        return found

    @cached_property
    def nearest(self) -> np.ndarray:
        """For each test frame, the training frame whose head pose is nearest, int [n]."""
        return nearest_by_pose(self.performance.head, self.split)

    def has_baselines(self, settings: ScoreSettings) -> bool:
        """Whether pictures of the clip are judged, too: not beside another system's render."""
        return settings.baselines and self.foreign is None

    def judge(
        self, streams: Iterable[str], settings: ScoreSettings, stack: contextlib.ExitStack
    ) -> tuple[Judge, Truth]:
        """The judge of these methods, and what it knows of the true frames."""
        points, beside = self.marks.points, None
        if self.has_baselines(settings):
            beside = points[self.nearest]
        if self.foreign is not None:
            points = points - np.array([*self.foreign.box[:2], 0], points.dtype)
        detectors = open_detectors(settings.detectors, settings.detectors_model)
        backend = both_backends(self.marks.backend, detectors.name)
        truth = Truth(points, self.split.test, backend, beside)
        device = pick_device(settings.device).type
        size = probe(self.video).width
        return Judge.build(settings, device, streams, stack, truth, detectors, size), truth

    def truths(self) -> Iterator[np.ndarray]:
        """The true test frames, as much of them as the render shows, uint8 [h,w,3]."""
        for frame in pick(read_video(self.video), self.split.test, self.video):
            yield self.seen(frame)

    def box(self, size: int) -> tuple[int, int, int, int]:
        """The part of the clip's frames that the render shows: x, y, width, height, px."""
        return (0, 0, size, size) if self.foreign is None else self.foreign.box

    def seen(self, frame: np.ndarray) -> np.ndarray:
        """The part of a picture of the clip [H,W,...] that the render shows."""
        if self.foreign is None:
            return frame
        x, y, width, height = self.foreign.box
        return np.ascontiguousarray(frame[y : y + height, x : x + width])


def both_backends(truth: str, renders: str) -> str:
    """The landmark detectors of truth and renders, for the records; one name where they are one."""
    return truth if truth == renders else f"{truth}; of the renders: {renders}"


def score_frames(
    judge: Judge, streams: dict[str, Iterator[np.ndarray]], scene: Scene, settings: ScoreSettings
) -> int:
    """Score every test frame of every method. Returns the clip's frame width in pixels.

    Args:
        judge: collects the figures.
        streams: method -> its pictures of the test frames, uint8 [h,w,3], in order.
        scene: the clip.
        settings: fields of the section `evaluate` that say how frames are compared.

    Raises:
        UserError: a render has more or fewer frames than the test part.
    """
    test, follows = scene.split.test, scene.split.follows
    truths = pick(read_video(scene.video), test, scene.video)
    regions = pick(read_labels(scene.labels), test, scene.labels)
    frames = progress(zip(truths, regions, strict=True), total=len(test), label="evaluate")
    for index, (real, label_image) in enumerate(frames):
        masks = region_masks(label_image, settings.band_share, settings.erode_share)
        masks = {region: scene.seen(mask) for region, mask in masks.items()}
        pictures = {name: next(stream) for name, stream in streams.items()}
        judge.add(scene.seen(real), pictures, masks, bool(follows[index]))
    for stream in streams.values():
        next(stream, None)  # lets a render that is too long complain
    return real.shape[1]


if __name__ == "__main__":
    cli.run(evaluate)
