"""render_test and evaluate end to end, with a portrait whose behavior is known."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from tests.support.full_disk import full_disk
from tests.support.subject import subject_files, write_features, write_table
from unigs.evaluate import contestants, score
from unigs.evaluate import render as render_test
from unigs.evaluate.catalogue import FIGURES
from unigs.evaluate.contestants import nearest_by_pose
from unigs.evaluate.document import summary, training
from unigs.evaluate.faces import FaceReader
from unigs.evaluate.interval import read_draws
from unigs.evaluate.records import find, to_json
from unigs.evaluate.speed import memory_record, speed_records
from unigs.evaluate.split import Split, sound_of_frames, split_of
from unigs.evaluate.streams import pick, read_aligned
from unigs.face.detectors import open_detectors
from unigs.media.audio import write_wav
from unigs.media.video import VideoWriter, probe, read_video
from unigs.settings.evaluate import EvaluateSettings
from unigs.stage.errors import UserError
from unigs.stage.files import write_json
from unigs.subject.features import Landmarks
from unigs.subject.labels import write_labels
from unigs.subject.trajectory import RigidTrajectory

SIZE, COUNT, TEST = 128, 22, slice(16, 22)
FPS = 25


def clip_frame(k):
    """A face that drifts to the right, one pixel a frame."""
    return np.ascontiguousarray(data.astronaut()[0:256:2, 90 + 2 * k : 346 + 2 * k : 2])


class FakePlayback:
    """Shows the clip's frame that the pose names, 5 levels brighter; speech adds blue.

    A static portrait shows it 25 levels brighter.
    """

    def __init__(self, portrait):
        self.portrait = portrait

    def clip(self, performance, backdrops=None):
        for k, t in enumerate(performance.head.t):
            frame = clip_frame(int(round(float(t[0]) * 100))).astype(int) + 5
            if self.portrait.has_dynamics:
                frame[:8, :8, 2] = int(performance.speech[k, 0, 0])
            else:
                frame += 20
            yield np.clip(frame, 0, 255).astype(np.uint8)


def fake_portrait(dynamic=True):
    return SimpleNamespace(size=SIZE, fps=float(FPS), has_dynamics=dynamic)


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """Files of a subject: a lossless clip, and drivers that name the frame."""
    folder = tmp_path_factory.mktemp("a subject")
    files = subject_files(folder, video="video.mkv")
    frames = [clip_frame(k) for k in range(COUNT)]
    with VideoWriter(folder / "video.mkv", SIZE, SIZE, FPS, "lossless") as writer:
        for frame in frames:
            writer.write(frame)
    labels = np.zeros((SIZE, SIZE), np.uint8)
    labels[20:60, 40:90], labels[60:, 20:110] = 3, 4
    labels[30:55, 50:75] = 1
    labels[46:50, 56:68] = 2
    write_labels(folder / "labels.mkv", [labels] * COUNT, SIZE, SIZE, FPS)
    index = np.arange(COUNT)
    write_table(files.frame_table, COUNT, test=(index >= TEST.start) & (index < TEST.stop))
    shift = np.zeros((COUNT, 3))
    shift[:, 0] = index / 100
    with FaceReader(open_detectors()) as reader:
        for frame in frames:
            reader.read(frame)
    write_features(
        files, COUNT, size=SIZE, head=(np.repeat(np.eye(3)[None], COUNT, 0), shift),
        points=reader.points(), speech=index[:, None, None] * np.ones((1, 2, 3)),
        backend="test detector",
    )  # fmt: skip
    write_wav(folder / "audio.wav", np.sin(np.arange(16000) / 9).astype(np.float32), 16000)
    write_json(
        folder / "run.json",
        {"stage": "dynamic", "backends": {"speech": "mfcc"}, "summary": {"seconds": 3.0}},
    )
    write_json(folder / "static.json", {"stage": "static", "summary": {"seconds": 2.5}})
    return folder


def render(subject, out, audio):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render_test, "load_portrait", lambda *_: fake_portrait())
        patch.setattr(render_test, "Playback", FakePlayback)
        render_test.render_test(
            subject / "portrait", subject / "video.mkv", subject / "frames.csv",
            subject / "pose.npz", subject / "motion.npz", subject / "eyes.csv",
            subject / "features.npz", out / "test.mkv", out / "shuffled.mkv",
            out / "test.mp4", EvaluateSettings(device="cpu"), audio,
        )  # fmt: skip


@pytest.fixture(scope="module")
def rendered(subject):
    render(subject, subject, subject / "audio.wav")
    return subject


def judge(subject, **flags):
    files = {
        "render": "test.mkv", "shuffled": "shuffled.mkv", "video": "video.mkv",
        "frame_table": "frames.csv", "landmarks": "landmarks.npz", "pose": "pose.npz",
        "body": "motion.npz", "labels": "labels.mkv", "run": "run.json",
        "static_run": "static.json", "out": "metrics.json", "rows": "test.csv",
        "draws": "draws.npz",
    }  # fmt: skip
    files.update(flags)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contestants, "load_portrait", lambda *_: fake_portrait(dynamic=False))
        patch.setattr(contestants, "Playback", FakePlayback)
        score.evaluate(
            **{name: subject / path for name, path in files.items()},
            static=subject / "static", settings=EvaluateSettings(device="cpu"),
        )  # fmt: skip


@pytest.fixture(scope="module")
def judged(rendered):
    judge(rendered)
    return rendered


@pytest.fixture(scope="module")
def metrics(judged):
    return json.loads((judged / "metrics.json").read_text())


def test_render_is_lossless_and_in_order(rendered):
    renders = list(read_video(rendered / "test.mkv"))
    assert len(renders) == 6
    for k, image in zip(range(16, 22), renders, strict=True):
        expected = np.clip(clip_frame(k).astype(int) + 5, 0, 255)
        expected[:8, :8, 2] = k
        np.testing.assert_array_equal(image, expected)


def test_shuffled_render_hears_the_other_half_and_keeps_pose(rendered):
    heard = [int(image[0, 0, 2]) for image in read_video(rendered / "shuffled.mkv")]
    assert heard == [19, 20, 21, 16, 17, 18]
    last = list(read_video(rendered / "shuffled.mkv"))[-1]
    np.testing.assert_array_equal(last[8:], np.clip(clip_frame(21).astype(int) + 5, 0, 255)[8:])


def test_a_clip_without_sound_has_a_silent_preview(subject, tmp_path):
    render(subject, tmp_path, None)
    assert not probe(tmp_path / "test.mp4").has_audio


def test_preview_shows_truth_beside_render_with_the_sound_of_the_test_part(rendered):
    info = probe(rendered / "test.mp4")
    assert (info.width, info.height, info.has_audio) == (2 * SIZE, SIZE, True)
    image = next(read_video(rendered / "test.mp4")).astype(int)
    assert abs(image[20:, :SIZE] - clip_frame(16)[20:]).mean() < 4
    assert image[20:, SIZE:].mean() - image[20:, :SIZE].mean() == pytest.approx(5, abs=1.5)


def test_sound_of_the_test_frames_is_cut_frame_by_frame(tmp_path):
    split = Split(write_table(tmp_path / "frames.csv", 6), np.array([1, 2, 5]), np.array([0]))
    sound = sound_of_frames(np.arange(3500, dtype=np.float32), split)
    assert len(sound) == 3 * 640
    np.testing.assert_array_equal(sound[:1280], np.arange(640, 1920))
    np.testing.assert_array_equal(sound[1280:1580], np.arange(3200, 3500))
    assert not sound[1580:].any()


def test_full_frame_psnr_is_the_mean_over_the_rendered_frames(judged, metrics):
    renders = list(read_video(judged / "test.mkv"))
    expected = np.mean(
        [peak_signal_noise_ratio(clip_frame(16 + i), image) for i, image in enumerate(renders)]
    )
    row = find(metrics["metrics"], "psnr")
    assert row["value"] == pytest.approx(expected, abs=1e-3) and row["frames"] == 6
    assert metrics["summary"]["psnr"] == row["value"]


def test_a_summary_keeps_the_whole_frame_apart_from_its_parts():
    """One name for each region of a metric; a metric of the mouth alone needs no region's."""
    regions = {"lpips": ("full", "mouth"), "psnr": ("full", "hair", "mouth"), "lmd": ("mouth",)}
    rows = [
        {"metric": metric, "region": region, "method": "portrait", "value": f"{metric} {region}"}
        for metric, found in regions.items()
        for region in found
    ]
    assert summary(rows) == {
        "lpips": "lpips full", "lpips_mouth": "lpips mouth", "psnr": "psnr full",
        "psnr_hair": "psnr hair", "psnr_mouth": "psnr mouth", "lmd": "lmd mouth",
    }  # fmt: skip


def test_baselines_are_judged_on_the_same_frames(judged, metrics):
    mean = np.rint(np.mean([clip_frame(k) for k in range(16)], axis=0)).astype(np.uint8)
    for method, picture in (
        ("mean_frame", lambda k: mean),
        ("nearest_pose", lambda k: clip_frame(15)),
        ("static", lambda k: np.clip(clip_frame(k).astype(int) + 25, 0, 255).astype(np.uint8)),
    ):
        expected = np.mean(
            [peak_signal_noise_ratio(clip_frame(k), picture(k)) for k in range(16, 22)]
        )
        row = find(metrics["metrics"], "psnr", method=method)
        assert row["value"] == pytest.approx(expected, abs=1e-3), method


def test_every_figure_says_region_backend_and_device_or_why_it_is_empty(metrics):
    for row in metrics["metrics"]:
        assert row["region"] and row["backend"] and row["device"].startswith("cpu: ")
        assert (row["value"] is None) == bool(row["reason"])
    for metric, region in (("lpips", "full"), ("sync_c", "mouth")):
        row = find(metrics["metrics"], metric, region)
        assert row["value"] is None and "weights" in row["reason"]


def test_every_figure_of_the_catalogue_is_written(metrics):
    written = metrics["metrics"] + to_json(
        [*speed_records(np.ones(2), 1.0, "mfcc"), memory_record("cpu")]
    )
    for figure in FIGURES:
        assert find(written, figure.metric, figure.region) is not None, figure.key


def test_metrics_name_the_stand_ins(metrics):
    assert metrics["backends"] == {"speech": "mfcc"}
    assert metrics["landmark_backend"].startswith("test detector; of the renders: ")
    assert metrics["truth_pasted"] is False


def test_training_took_the_time_of_both_stages(metrics):
    assert metrics["training"]["seconds"] == 5.5
    assert metrics["training"]["stages"] == ["static", "dynamic"]
    untold = [{"summary": {"seconds": 2.5}}, {"stage": "dynamic"}]
    assert training(untold)["seconds"] is None and training([])["seconds"] is None


def test_face_of_a_faithful_render_is_found_where_it_was(metrics):
    row = find(metrics["metrics"], "lmd_256", "mouth")
    assert row["frames"] == 6 and row["value"] < 1.0


def test_rows_are_the_test_frames(judged):
    table = pd.read_csv(judged / "test.csv")
    assert table["frame"].tolist() == list(range(16, 22))
    assert table["time"].tolist() == pytest.approx([k / FPS for k in range(16, 22)])
    for column in ("psnr_full", "psnr_band", "ssim_hair", "lmd", "opening_truth", "eye_portrait"):
        assert table[column].notna().all(), column


def test_render_of_another_length_is_refused(rendered):
    frames = list(read_video(rendered / "test.mkv"))
    for name, chosen in (("short.mkv", frames[:-1]), ("long.mkv", [*frames, frames[0]])):
        with VideoWriter(rendered / name, SIZE, SIZE, FPS, "lossless") as writer:
            for frame in chosen:
                writer.write(frame)
        with pytest.raises(UserError, match=f"{name}.*6 test frames"):
            list(read_aligned(rendered / name, 6))


def test_rows_of_another_clip_are_refused(rendered):
    Landmarks(np.zeros((5, 478, 3)), np.ones(5, bool), SIZE, "x").write(rendered / "few.npz")
    with pytest.raises(UserError, match=r"few\.npz has 5 rows but .*frames\.csv has 22 frames"):
        judge(rendered, landmarks="few.npz", out="none.json")
    assert not (rendered / "none.json").exists()


def test_vmaf_is_high_for_a_faithful_render_and_its_interval_waits_for_frames(judged, metrics):
    row = find(metrics["metrics"], "vmaf")
    assert row["value"] is not None, "the carried ffmpeg has libvmaf"
    assert row["value"] > 80 and row["frames"] == 6 and "low" not in row
    assert pd.read_csv(judged / "test.csv")["vmaf"].mean() == pytest.approx(row["value"], rel=1e-4)
    assert read_draws(judged / "draws.npz") == {}, "6 frames are too few"


def test_removed_frames_and_cuts_break_the_line(tmp_path):
    index = np.arange(8)
    table = write_table(
        tmp_path / "frames.csv", 8, keep=index != 3, reason={3: "hands", 6: "jump_cut"},
        test=index > 1,
    )  # fmt: skip
    split = split_of(table, index != 7)
    assert split.test.tolist() == [2, 4, 5, 6]  # 3 is removed, 7 has no pose
    assert split.follows.tolist() == [False, False, True, False]
    assert split.train.tolist() == [0, 1] and split.time.tolist() == [0.08, 0.16, 0.2, 0.24]


@pytest.mark.parametrize(
    "flag, stage",
    [("render", "render_test"), ("shuffled", "render_test"), ("labels", "segment_regions")],
)
def test_pictures_of_another_size_are_refused(tmp_path, flag, stage):
    """Half as large: neither numpy nor OpenCV would say which file it is."""

    def film(name, size, count=COUNT):
        with VideoWriter(tmp_path / name, size, size, FPS, "lossless") as writer:
            for _ in range(count):
                writer.write(np.zeros((size, size, 3), np.uint8))

    def labels(name, size):
        write_labels(tmp_path / name, [np.zeros((size, size), np.uint8)] * COUNT, size, size, FPS)

    files = subject_files(tmp_path)
    write_table(files.frame_table, COUNT)
    write_features(files, COUNT, size=64)
    for name in ("run.json", "static.json"):
        write_json(tmp_path / name, {})
    film("video.mkv", 64)
    film("test.mkv", 64, 2)
    film("shuffled.mkv", 64, 2)
    labels("labels.mkv", 64)
    (labels if flag == "labels" else film)("small.mkv", 32)
    told = f"small.mkv is 32x32 pixels and .*video.mkv 64x64: run {stage} anew.$"
    with pytest.raises(UserError, match=told):
        judge(tmp_path, **{flag: "small.mkv"}, out="none.json")
    assert not (tmp_path / "none.json").exists()


def test_clip_without_test_frames_is_refused(tmp_path):
    table = write_table(tmp_path / "frames.csv", 8, test=np.zeros(8, bool))
    with pytest.raises(UserError, match="keeps no test frame"):
        split_of(table, np.ones(8, bool))


def test_a_scratch_folder_that_is_too_small_is_said_before_it_crashes(tmp_path):
    """Writing to the mapped memory of a full disk would end the process (SIGBUS, exit 135)."""
    with VideoWriter(tmp_path / "clip.mp4", SIZE, SIZE, FPS) as writer:
        for k in range(COUNT):
            writer.write(clip_frame(k))
    train, test = np.arange(16), np.arange(16, 22)
    split = SimpleNamespace(train=train, test=test)
    with full_disk(tmp_path, kilobytes=64) as folder:
        with pytest.raises(UserError, match=rf"folder {folder} has .* frames of .*clip\.mp4 need"):
            contestants.training_pictures(tmp_path / "clip.mp4", split, train, folder / "n.raw")


def test_nearest_pose_counts_every_axis_by_its_spread(tmp_path):
    turn = np.repeat(np.eye(3)[None], 4, 0)
    # z varies by meters and x by millimeters: unscaled, frame 1 would be the nearer one.
    shift = np.array([[0.001, 0, 3.0], [0.003, 0, 1.0], [0.002, 0, -4.0], [0.001, 0, 1.2]])
    table = write_table(tmp_path / "frames.csv", 4)
    split = Split(table, np.array([3]), np.array([0, 1, 2]))
    scaled = (shift - shift[:3].mean(0)) / np.maximum(shift[:3].std(0), 1e-9)
    expected = int(np.linalg.norm(scaled[:3] - scaled[3], axis=1).argmin())
    assert expected == 0
    assert nearest_by_pose(RigidTrajectory(turn, shift), split).tolist() == [0]


def test_pick_complains_about_a_stream_that_ends_early(tmp_path):
    with pytest.raises(UserError, match=r"clip\.mp4 ends before frame 7"):
        list(pick(iter(np.zeros((5, 1))), np.array([2, 7]), tmp_path / "clip.mp4"))
