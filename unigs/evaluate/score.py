"""Stage evaluate: how good the rendered test frames are, in figures that say what they mean.

`metrics.json` is a flat list of records (`unigs.evaluate.records`); `frames.csv` has the same per
test frame, for curves and for finding the worst frames.
"""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unigs.compute.device import device_name, pick_device
from unigs.evaluate.contestants import nearest_by_pose, picture_streams, static_stream
from unigs.evaluate.document import PASTED, document, headline
from unigs.evaluate.interval import mean, with_intervals, write_draws
from unigs.evaluate.judge import Judge, Truth
from unigs.evaluate.records import FULL, PORTRAIT, SHUFFLED, STATIC
from unigs.evaluate.regions import region_masks
from unigs.evaluate.split import Split, split_of
from unigs.evaluate.streams import pick, read_aligned
from unigs.evaluate.vmaf import vmaf, vmaf_record
from unigs.face.detectors import open_detectors
from unigs.media.audio import RATE, read_audio
from unigs.media.video import read_video
from unigs.pretrained.auto import settled_settings
from unigs.settings.evaluate import ScoreSettings
from unigs.stage import cli
from unigs.stage.files import atomic, read_json, write_json
from unigs.stage.leftovers import scratch_folder
from unigs.stage.progress import progress
from unigs.subject.features import Landmarks
from unigs.subject.frame_table import read_frame_table
from unigs.subject.labels import read_labels
from unigs.subject.performance import read_performance

log = logging.getLogger("unigs")


def evaluate(
    render: Path,
    shuffled: Path,
    video: Path,
    frame_table: Path,
    landmarks: Path,
    pose: Path,
    labels: Path,
    run: Path,
    out: Path,
    rows: Path,
    settings: ScoreSettings,
    body: Path | None = None,
    audio: Path | None = None,
    static: Path | None = None,
    static_run: Path | None = None,
    draws: Path | None = None,
) -> None:
    """Judge the rendered test frames of a clip.

    Args:
        render: lossless render of the test frames.
        shuffled: lossless render of the test frames with shuffled speech.
        video: the clip (truth).
        frame_table: the clip's frame table (.csv).
        landmarks: landmarks of the true frames (.npz).
        pose: head poses (.npz).
        labels: label video of the true frames.
        run: what training wrote about itself (.json): back-ends, device, time.
        out: figures (.json).
        rows: figures per test frame (.csv).
        settings: fields of the section `evaluate` that say how frames are compared.
        body: motion of the torso (.npz), for the static portrait.
        audio: the clip's sound (.wav), for figures of sync.
        static: the static portrait, as a baseline.
        static_run: run.json of the static stage, whose time is added to the training time.
        draws: figures of the portrait by draws of the bootstrap (.npz), to write.

    Raises:
        UserError: a file is missing or damaged, or describes another number of frames.
    """
    settings, missing = settled_settings("evaluate", settings)
    for sentence in missing:
        log.info("%s", sentence)
    table = read_frame_table(frame_table)
    performance, marks = read_performance(table, pose, body), Landmarks.read(landmarks)
    table.check_rows(landmarks, marks)
    split = split_of(table, performance.head.known)
    device = pick_device(settings.device).type
    trained = [read_json(path) for path in (static_run, run) if path is not None]
    with scratch_folder() as scratch, contextlib.ExitStack() as stack:
        streams = {
            PORTRAIT: read_aligned(render, len(split.test)),
            SHUFFLED: read_aligned(shuffled, len(split.test)),
        }
        nearest = None
        if settings.baselines:
            nearest = nearest_by_pose(performance.head, split)
            streams |= picture_streams(video, split, nearest, scratch / "nearest.raw")
        # A static portrait over a true torso would be one more thing that was not rendered.
        if settings.baselines and static is not None and settings.torso != PASTED:
            streams[STATIC] = static_stream(static, device, performance, split)
        beside = None if nearest is None else marks.points[nearest]
        detectors = open_detectors(settings.detectors, settings.detectors_model)
        backend = both_backends(marks.backend, detectors.name)
        truth = Truth(marks.points, split.test, backend, beside)
        judge = Judge.build(settings, device, streams, stack, truth, detectors)
        size = score_frames(judge, streams, split, video, labels, settings)
        viewed = vmaf(render, pick(read_video(video), split.test, video), size, table.fps, scratch)
    samples = None if audio is None else read_audio(audio, RATE)
    name = device_name(device)
    records = judge.records(truth, size, name, split, samples)
    records.append(vmaf_record(viewed).labeled(device=name))
    statistics = judge.statistics(truth, size)
    if viewed is not None:
        statistics["vmaf", FULL, PORTRAIT] = mean(viewed)
    records, kept = with_intervals(records, statistics, split.test, table.fps)
    if draws is not None:
        write_draws(draws, {key: row for key, row in kept.items() if key[2] == PORTRAIT})
    content = document(records, split, truth, trained, name, size, settings.torso)
    write_json(out, content)
    with atomic(rows) as temporary:
        table = judge.table(truth, split)
        if viewed is not None:
            table["vmaf"] = viewed
        table.to_csv(temporary, index=False, float_format="%.6g")
    log.info("%s", headline(content["metrics"]))


def both_backends(truth: str, renders: str) -> str:
    """The landmark detectors of truth and renders, for the records; one name where they are one."""
    return truth if truth == renders else f"{truth}; of the renders: {renders}"


def score_frames(
    judge: Judge,
    streams: dict[str, Iterator[np.ndarray]],
    split: Split,
    video: Path,
    labels: Path,
    settings: ScoreSettings,
) -> int:
    """Score every test frame of every method. Returns the frame width in pixels.

    Args:
        judge: collects the figures.
        streams: method -> its pictures of the test frames, uint8 [H,W,3], in order.
        split: the clip's test frames.
        video: the clip (truth).
        labels: label video of the true frames.
        settings: fields of the section `evaluate` that say how frames are compared.

    Raises:
        UserError: a render has more or fewer frames than the test part.
    """
    truths = pick(read_video(video), split.test, video)
    regions = pick(read_labels(labels), split.test, labels)
    follows = split.follows
    frames = progress(zip(truths, regions, strict=True), total=len(split.test), label="evaluate")
    for index, (real, label_image) in enumerate(frames):
        masks = region_masks(label_image, settings.band_share, settings.erode_share)
        pictures = {name: next(stream) for name, stream in streams.items()}
        judge.add(real, pictures, masks, bool(follows[index]))
    for stream in streams.values():
        next(stream, None)  # lets a render that is too long complain
    return real.shape[1]


if __name__ == "__main__":
    cli.run(evaluate)
