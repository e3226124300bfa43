"""The data set of a subject."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.subject import FRAMES, write_subject
from unigs.stage.errors import UserError
from unigs.stage.files import save_npz
from unigs.subject.dataset import Dataset
from unigs.subject.labels import write_labels
from unigs.subject.resident import ResidentFrames


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_subject(tmp_path_factory.mktemp("subject"))


def test_files_of_different_lengths_are_refused_with_both_numbers(files, tmp_path):
    short = replace(files, pose=tmp_path / "pose.npz")
    pose = dict(np.load(files.pose))
    save_npz(short.pose, **pose | {k: pose[k][:-1] for k in ("R", "t", "reprojection")})
    with pytest.raises(UserError, match=f"{FRAMES - 1} rows.*{FRAMES}"):
        Dataset(short)


@pytest.mark.parametrize("part", ["pose", "landmarks", "labels"])
def test_files_of_another_size_are_refused_with_both_sizes(files, tmp_path, part):
    other = replace(files, **{part: tmp_path / getattr(files, part).name})
    if part == "labels":
        labels = [np.zeros((32, 32), np.uint8)] * FRAMES
        write_labels(other.labels, labels, 32, 32, 25)
    else:
        arrays = dict(np.load(getattr(files, part)))
        save_npz(getattr(other, part), **arrays | {"size": np.int64(32)})
    with pytest.raises(UserError, match=rf"{part}\.\w+ is .*32x32 but .*video\.mp4 is 64x64: run"):
        Dataset(other)


def test_frames_on_the_device_are_those_of_the_store(files):
    dataset = Dataset(files)
    cpu = torch.device("cpu")
    for store in (dataset.frames, dataset.labels):
        kept, fetched = (ResidentFrames(store, cpu, keep) for keep in (True, False))
        for frame in (0, 64, FRAMES - 1):
            assert kept[frame].dtype == torch.uint8
            assert torch.equal(kept[frame], torch.from_numpy(np.array(store[frame])))
            assert torch.equal(kept[frame], fetched[frame])


def test_a_color_video_is_no_label_video(files):
    with pytest.raises(UserError, match=r"video\.mp4 is no label video: frame 0 .*run segment_reg"):
        Dataset(replace(files, labels=files.video))


def test_back_ends_are_those_of_the_files(files, tmp_path):
    """What runs and tables say of the regions comes out of the label video."""
    assert "regions" not in Dataset(files).backends
    labels = [np.array(image) for image in Dataset(files).labels[:FRAMES]]
    size = labels[0].shape[0]
    write_labels(tmp_path / "labels.mkv", labels, size, size, 25, "onnx (pan, sha256 0123)")
    named = Dataset(replace(files, labels=tmp_path / "labels.mkv")).backends
    assert named["regions"] == "onnx (pan, sha256 0123)" and "pose" in named
