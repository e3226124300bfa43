"""VMAF through the ffmpeg that is carried, and without it."""

import cv2
import numpy as np
import pytest

from unigs.evaluate import vmaf as module
from unigs.evaluate.vmaf import vmaf, vmaf_record
from unigs.media.video import VideoWriter

SIZE = 96


def frames():
    rng = np.random.default_rng(0)
    base = cv2.GaussianBlur(rng.integers(0, 255, (SIZE, SIZE + 8, 3)).astype(np.uint8), (0, 0), 2)
    base = cv2.normalize(base, None, 0, 255, cv2.NORM_MINMAX)
    return [np.ascontiguousarray(base[:, k : k + SIZE]) for k in range(8)]


def measured(tmp_path, render):
    path = tmp_path / "a: render's, [1].mkv"
    with VideoWriter(path, SIZE, SIZE, 25, "lossless") as writer:
        for frame in render:
            writer.write(frame)
    folder = tmp_path / "it's, [odd]: 1"
    folder.mkdir(exist_ok=True)
    return vmaf(path, frames(), (SIZE, SIZE), 25, folder)


def test_equal_frames_score_high_and_smooth_ones_lower_frame_by_frame(tmp_path):
    if not module.is_there():
        pytest.skip(module.NOT_THERE)
    same = measured(tmp_path, frames())
    mixed = [f if k < 4 else cv2.GaussianBlur(f, (0, 0), 3) for k, f in enumerate(frames())]
    found = measured(tmp_path, mixed)
    assert len(same) == len(found) == 8 and same.min() > 95
    assert found[:3].min() > 90 > 60 > found[5:].max(), "frame k is compared with frame k"
    assert vmaf_record(found).value == pytest.approx(found.mean())


def test_an_ffmpeg_without_it_is_told(tmp_path, monkeypatch):
    other = tmp_path / "ffmpeg"
    other.write_text("#!/bin/sh\necho ' .. scale V->V Scale the input video size'\n")
    other.chmod(0o755)
    monkeypatch.setattr(module, "ffmpeg_exe", lambda: str(other))
    module.is_there.cache_clear()
    try:
        assert vmaf(tmp_path / "none.mkv", frames(), (SIZE, SIZE), 25, tmp_path) is None
    finally:
        module.is_there.cache_clear()
    record = vmaf_record(None)
    assert record.value is None and "has no libvmaf" in record.reason
