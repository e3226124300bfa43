"""Which vertices of the face's mesh count as bare skin, and which as closed."""

from types import SimpleNamespace

import numpy as np
import pytest

from unigs.face.mesh import LIPS
from unigs.subject.dataset import Dataset
from unigs.subject.labels import FACE, HAIR
from unigs.train.mesh_masks import (
    FEATURE_MARGIN,
    FEATURES,
    SMALLEST,
    bare_skin,
    closed_face,
    hair_share,
    near,
    smallest_in_skin,
)


def test_lashes_hairs_of_brows_and_teeth_are_no_skin(files):
    """By landmarks of known places: middle of the cheek, tip of the nose and forehead are skin."""
    shape = Dataset(files).poses.shape
    beside = near(shape, FEATURES)
    assert beside[[33, 159, 386, 105, 334, 13, 61, 291]].all()
    assert not beside[[50, 280, 4, 10, 152]].any()
    # Independent: distances to all feature points, one by one.
    cloud = shape[list(FEATURES)]
    far = np.array([min(np.linalg.norm(cloud - p, axis=1)) for p in shape[:468]])
    assert np.array_equal(beside, far < FEATURE_MARGIN)


def test_hair_is_what_the_training_frames_show_over_the_mesh():
    labels = np.full((40, 50, 50), FACE, np.uint8)
    labels[10:, :, 25:] = HAIR
    points = np.random.default_rng(0).uniform(-3, 53, (40, 478, 3))
    points[:, 0, :2], points[:, 1, :2], points[:, 2, :2] = (10, 10), (30, 10), (90, 10)
    points[5] = np.nan
    dataset = SimpleNamespace(
        train=np.arange(20), labels=labels, size=50, landmarks=SimpleNamespace(points=points)
    )
    share = hair_share(dataset)
    assert share.shape == (468,)
    # 19 training frames show a face, in ten of which hair hangs over the right half.
    assert share[:3] == pytest.approx([0, 10 / 19, 10 / 19])
    dataset.landmarks.points = np.full_like(points, np.nan)
    assert (hair_share(dataset) == 0).all()


def test_a_subject_s_cheeks_are_bare_and_its_lips_are_not(files):
    bare = bare_skin(Dataset(files))
    assert bare[[50, 280]].all() and not bare[[13, 159, 386]].any()


def test_the_face_is_closed_but_for_lips_and_where_hair_hangs(files):
    """Lids and brows are closed, too; wherever skin is bare the face is closed."""
    dataset = Dataset(files)
    assert closed_face(dataset)[bare_skin(dataset)].all()
    dataset.labels = np.full_like(dataset.labels, FACE)
    shape = dataset.poses.shape[:468]
    lips = np.min([np.linalg.norm(shape - shape[k], axis=1) for k in LIPS], axis=0)
    closed = closed_face(dataset)
    assert np.array_equal(closed, lips >= FEATURE_MARGIN)
    assert (closed & ~bare_skin(dataset)).any()
    dataset.labels = np.full_like(dataset.labels, HAIR)
    assert not closed_face(dataset).any()


def test_the_smallest_detail_of_the_skin_is_seen_as_pixels(files):
    dataset = Dataset(files)
    size, depth = smallest_in_skin(dataset), np.median(dataset.performance.head.t[dataset.train, 2])
    assert size * dataset.poses.focal / depth == pytest.approx(SMALLEST)
