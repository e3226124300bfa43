"""The back-end pca: poses and identity of a made-up face, and the jaw's re-selected vertices."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from tests.prepare.pose.test_fit import CAMERA, FACE, errors, fit, observe, smooth_motion
from unigs.face import mesh
from unigs.geometry.rigid import Poses, project
from unigs.prepare.pose.contour import Contour
from unigs.prepare.pose.linear_points import LinearPoints
from unigs.prepare.pose.morphable_model import MorphableModel, Person
from unigs.pretrained.weights import weights_name
from unigs.stage.errors import UserError
from unigs.stage.files import save_npz

TURNED = Rotation.from_euler("x", 180, degrees=True).as_matrix()
"""Axes of the model, which are not the head's."""
JAW = np.array([*mesh.IBUG68[:8], *mesh.IBUG68[9:17]])


def longer_nose() -> np.ndarray:
    bump = np.exp(-((FACE[:, :2] - [0, 0.002]) ** 2).sum(1) / 0.02**2)
    return bump[:, None] * [0, 0, -0.01]


def morphable_model(path, **changes: np.ndarray) -> None:
    """A model whose first direction makes noses longer; the person's is one deviation longer."""
    nose, wide = longer_nose(), FACE * [0.1, 0, 0]
    basis = np.stack([nose @ TURNED.T, wide @ TURNED.T], -1).reshape(-1, 2)
    index = np.flatnonzero(np.random.default_rng(5).random(468) < 0.3)
    arrays = {"mean": (FACE - nose) @ TURNED.T, "shape": basis, "shape_std": np.ones(2)}
    save_npz(path, **arrays | {"vertices": index, "landmarks": index} | changes)


def test_a_morphable_model_gives_poses_and_identity(tmp_path):
    truth = smooth_motion(60)
    points = observe(truth)
    model = tmp_path / "model.npz"
    morphable_model(model)
    result = fit(points, backend="pca", model=str(model))
    assert result.backend == f"pca ({weights_name(model)})" and result.shape.shape == (468, 3)
    angle, distance = errors(result, truth)
    assert np.median(angle) < 0.7 and np.median(distance) < 0.01
    loaded = MorphableModel(str(model))
    rows = loaded.surface[loaded.vertices]
    start = Person(np.zeros(2), Poses(truth.R @ TURNED.T, truth.t))
    marks = points[:, loaded.landmarks, :2]
    got = loaded.fit(rows, marks, points[:, JAW, :2], start, CAMERA, robust=1.0, worth=1.0)
    np.testing.assert_allclose(got.coefficients, [1, 0], atol=0.25)


def test_the_68_points_of_ibug_do_as_well(tmp_path):
    """Few landmarks map the model, and the others find their places on its surface."""
    truth = smooth_motion(60)
    numbers = np.arange(18, 49)
    ibug = {"ibug": numbers, "vertices": np.array(mesh.IBUG68)[numbers - 1]}
    morphable_model(tmp_path / "a.npz", **ibug)
    with np.load(tmp_path / "a.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "landmarks"}
    save_npz(tmp_path / "model.npz", **arrays)
    result = fit(observe(truth), backend="pca", model=str(tmp_path / "model.npz"))
    angle, _ = errors(result, truth)
    # The mean mesh that is laid onto the model is 15 % too flat, as `observe` made it.
    assert np.median(angle) < 1.0
    # Noise of 0.3 px on both axes is 0.42 px; the rest are places that are off on the surface.
    assert np.sqrt(np.mean(result.reprojection**2)) < 0.8


def test_steps_see_that_a_flat_face_turns_too_far(tmp_path):
    """Depth and turns trade for each other: with the poses held, 20 steps would not get there."""
    truth = smooth_motion(60)
    deep = FACE * [0, 0, 0.2]
    index = np.array(mesh.RIGID)
    save_npz(
        tmp_path / "m.npz", mean=FACE - 2 * deep, shape=deep.reshape(-1, 1), shape_std=np.ones(1),
        vertices=index, landmarks=index,
    )  # fmt: skip
    model = MorphableModel(str(tmp_path / "m.npz"))
    pixels = project(FACE, truth, CAMERA)
    start = Person(np.zeros(1), Poses(truth.R.copy(), truth.t.copy()))
    got = model.fit(model.surface[model.vertices], pixels[:, model.landmarks], pixels[:, JAW],
                    start, CAMERA, robust=1.0, worth=1000.0, rounds=8)  # fmt: skip
    assert got.coefficients[0] == pytest.approx(2, abs=0.05)


def jaws(dense: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Both sides of a jaw [N,3], finer than its landmarks: these lie between vertices."""
    sides = (FACE[list(mesh.IBUG68[:9])], FACE[list(mesh.IBUG68[8:17])])
    fine = [np.interp(np.linspace(0, 8, 8 * dense + 1), np.arange(9), s) for side in sides
            for s in side.T]  # fmt: skip
    return np.stack(fine[:3], 1), np.stack(fine[3:], 1)


def contour(right: np.ndarray, left: np.ndarray) -> Contour:
    none = np.ones(1)
    return Contour(*(LinearPoints(p, np.zeros((len(p), 3, 1)), none) for p in (right, left)))


def turned(degrees: float) -> Poses:
    R = Rotation.from_euler("y", degrees, degrees=True).as_matrix()
    return Poses(R.reshape(1, 3, 3), np.array([[0.0, 0, 0.7]]))


@pytest.mark.parametrize("degrees", [-40, -5, 0, 5, 40])
def test_the_side_that_faces_the_camera_is_seen(degrees):
    right, left = jaws()
    poses = turned(degrees)
    marks = project(FACE[JAW], poses, CAMERA)
    made = contour(right, left)
    seen = np.isfinite(made.observe(np.concatenate([right, left]), marks, poses, CAMERA)[0, :, 0])
    # Which side is nearer, by the depth of the jaw's two ends.
    ends = np.stack([right[0], left[-1]]) @ poses.R[0].T
    frontal = abs(degrees) < 7.5
    assert seen[: len(right)].any() == (frontal or ends[0, 2] < ends[1, 2])
    assert seen[len(right) :].any() == (frontal or ends[1, 2] < ends[0, 2])


def test_vertices_are_selected_anew_for_every_pose():
    right, left = jaws()
    poses = Poses(np.concatenate([turned(d).R for d in (-20, 0)]), np.tile([0, 0, 0.7], (2, 1)))
    made, points = contour(right, left), np.concatenate([right, left])
    pixels = project(points, poses, CAMERA)
    shift = [3, 4]  # vertices further along in the one frame than in the other
    marks = np.stack(
        [np.concatenate([pixels[k, s : s + 16 : 2], pixels[k, 25 + s : 25 + s + 16 : 2]])
         for k, s in enumerate(shift)]
    )  # fmt: skip
    seen = made.observe(points, marks, poses, CAMERA)
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(seen[1, :25, 0])), range(4, 20, 2))
    np.testing.assert_allclose(seen[1, 4:20:2], marks[1, :8])
    shown = np.isfinite(seen[0, :, 0])
    first = 0 if shown[:25].any() else 25
    np.testing.assert_array_equal(np.flatnonzero(shown), first + np.arange(3, 19, 2))


def test_two_landmarks_at_one_vertex_give_their_mean():
    right, left = jaws(dense=1)
    poses = turned(0)
    marks = np.zeros((1, 16, 2))
    marks[0, :8] = project(right[:1], poses, CAMERA)[0] + [[0.2, 0], [0.4, 0]] * 4
    points = np.concatenate([right, left])
    seen = contour(right, left).observe(points, marks, poses, CAMERA)
    expected = project(right[:1], poses, CAMERA)[0, 0] + [0.3, 0]
    np.testing.assert_allclose(seen[0, 0], expected)
    assert np.isnan(seen[0, 1 : len(right)]).all()


def test_the_jaw_tells_the_width_of_a_face(tmp_path):
    """A direction that moves the jaw alone is found through the contour, and not without it."""
    truth = smooth_motion(60)
    right, left = jaws()
    count = len(FACE)
    mean = np.concatenate([FACE, right * [0.9, 1, 1], left * [0.9, 1, 1]])
    wide = np.concatenate([0 * FACE, right * [0.1, 0, 0], left * [0.1, 0, 0]])
    numbers = np.arange(count, count + len(right) + len(left))
    index = np.array(mesh.RIGID)
    arrays = {"mean": mean, "shape": wide.reshape(-1, 1), "shape_std": np.ones(1),
              "vertices": index, "landmarks": index}  # fmt: skip
    sides = np.split(numbers, [len(right)])
    found = []
    for name, more in (("a", {}), ("b", {"right_contour": sides[0], "left_contour": sides[1]})):
        save_npz(tmp_path / f"{name}.npz", **arrays, **more)
        model = MorphableModel(str(tmp_path / f"{name}.npz"))
        pixels = observe(truth)[..., :2]
        start = Person(np.zeros(1), Poses(truth.R.copy(), truth.t.copy()))
        rows, marks = model.surface[model.vertices], pixels[:, model.landmarks]
        got = model.fit(rows, marks, pixels[:, JAW], start, CAMERA, robust=1.0, worth=5.0)
        found.append(got.coefficients[0])
    assert abs(found[0]) < 0.01
    assert found[1] == pytest.approx(1, abs=0.25)


def test_a_place_on_a_triangle_moves_with_it():
    rng = np.random.default_rng(2)
    corners, motion = rng.normal(0, 0.02, (3, 3)), rng.normal(0, 0.01, (3, 3, 2))
    far = rng.normal(1, 0.1, (5, 3))
    points = LinearPoints(
        np.concatenate([corners, far]), np.concatenate([motion, np.zeros((5, 3, 2))]), np.ones(2)
    )
    share = np.array([0.2, 0.5, 0.3])
    lifted = np.cross(corners[1] - corners[0], corners[2] - corners[0])
    lifted *= 0.004 / np.linalg.norm(lifted)
    found, away = points.nearest((share @ corners + lifted)[None], np.zeros(2))
    np.testing.assert_allclose(found.mean[0], share @ corners, atol=1e-4)
    np.testing.assert_allclose(
        found.directions[0], np.einsum("k,kic->ic", share, motion), atol=1e-3
    )
    nearest = np.linalg.norm(corners - share @ corners - lifted, axis=1).min()
    np.testing.assert_allclose(away, nearest)


def test_wrong_models_are_named(tmp_path):
    with pytest.raises(UserError, match="needs a model"):
        MorphableModel(None)
    morphable_model(tmp_path / "a.npz", shape=np.zeros((12, 2)))
    with pytest.raises(UserError, match="do not fit each other"):
        MorphableModel(str(tmp_path / "a.npz"))
    morphable_model(tmp_path / "a.npz", left_contour=np.array([468]))
    with pytest.raises(UserError, match="do not fit each other"):
        MorphableModel(str(tmp_path / "a.npz"))
    lips = np.array(mesh.LIPS)
    morphable_model(tmp_path / "b.npz", vertices=lips, landmarks=lips)
    with pytest.raises(UserError, match="maps 0 landmarks off lips"):
        MorphableModel(str(tmp_path / "b.npz"))
    save_npz(tmp_path / "c.npz", mean=FACE, shape=np.zeros((1404, 1)), shape_std=np.ones(1),
             vertices=np.arange(3), ibug=np.array([1, 2, 69]))  # fmt: skip
    with pytest.raises(UserError, match="ibug with numbers from 1 to 68"):
        MorphableModel(str(tmp_path / "c.npz"))


def test_a_model_of_a_part_of_the_face_is_refused(tmp_path):
    """Six landmarks at the outline, nothing near the nose."""
    rim = np.array(mesh.FACE_OVAL)[::6]
    save_npz(tmp_path / "m.npz", mean=FACE[rim], shape=np.zeros((3 * len(rim), 1)),
             shape_std=np.ones(1), vertices=np.arange(len(rim)), landmarks=rim)  # fmt: skip
    with pytest.raises(UserError, match="m.npz covers \\d of the rigid landmarks"):
        fit(observe(smooth_motion(20)), backend="pca", model=str(tmp_path / "m.npz"))
