"""Label videos."""

import numpy as np

from unigs.subject.labels import labels_backend, read_labels, write_labels

RNG = np.random.default_rng(0)


def test_label_video_is_exact(tmp_path):
    labels = [RNG.integers(0, 5, (30, 40)).astype(np.uint8) for _ in range(4)]
    write_labels(tmp_path / "labels.mkv", labels, 40, 30, 25)
    for truth, read in zip(labels, read_labels(tmp_path / "labels.mkv"), strict=True):
        np.testing.assert_array_equal(truth, read)


def test_a_label_video_says_how_it_was_made(tmp_path):
    labels = [np.zeros((30, 40), np.uint8)] * 2
    for name in ("", "onnx (pan: a=b, sha256 0123)"):
        write_labels(tmp_path / "labels.mkv", labels, 40, 30, 25, name)
        assert labels_backend(tmp_path / "labels.mkv") == name
