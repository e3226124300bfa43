"""Carriers of the detectors find the same faces, hands and persons, or say what they lack."""

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.support import astronaut
from unigs.face.detectors import open_detectors
from unigs.pretrained.auto import DETECTORS, LANDMARKER, settle_detectors
from unigs.pretrained.fetch import add_model
from unigs.settings.demo import DemoSettings
from unigs.sources.synthetic.speaker import Clip
from unigs.stage.errors import UserError

SPEAKER = DemoSettings(seconds=2.0, fps=25.0, size=256, background="plain", strands=300, seed=4)


@pytest.fixture(scope="module")
def litert(real_model):
    """The networks of MediaPipe 0.10.14 on LiteRT."""
    return open_detectors("litert", str(real_model(DETECTORS)))


@pytest.fixture(scope="module")
def mediapipe():
    """MediaPipe 0.10.14 itself."""
    if not hasattr(pytest.importorskip("mediapipe"), "solutions"):
        pytest.skip("this mediapipe has no solutions: only 0.10.14 is compared")
    return open_detectors("mediapipe")


@pytest.fixture
def bundle(real_model, monkeypatch):
    """Both files of networks lie where the catalogue puts them."""
    real_model(DETECTORS)
    path = real_model(LANDMARKER)
    monkeypatch.setenv("UNIGS_MODELS", str(path.parent))
    return path


@pytest.fixture(scope="module")
def speaker():
    """Frames of the synthetic speaker, uint8 [256,256,3]."""
    return [np.ascontiguousarray(frame) for frame, *_ in Clip(SPEAKER).frames()]


def points(carrier, frames, static=False) -> np.ndarray:
    """Landmarks [T,478,3]."""
    with carrier.mesh(static=static, confidence=0.5) as mesh:
        return np.stack([mesh.find(frame) for frame in frames])


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances [...] of points in the picture, px."""
    return np.linalg.norm((a - b)[..., :2], axis=-1)


def test_landmarks_are_those_of_mediapipe(litert, mediapipe, speaker):
    """Followed through a clip: what differs is the rounding of one frame's window for the next."""
    distances = apart(points(litert, speaker), points(mediapipe, speaker))
    assert np.median(distances) < 0.1 and np.percentile(distances, 95) < 1


def test_one_picture_gives_the_same_landmarks_but_for_rounding(litert, mediapipe, speaker):
    faces = [speaker[0], astronaut.portrait(), np.ascontiguousarray(astronaut.portrait()[:, ::-1])]
    for face in faces:
        one, two = (points(carrier, [face], static=True)[0] for carrier in (litert, mediapipe))
        assert apart(one, two).max() < 0.05 and np.abs(one - two)[:, 2].max() < 0.05


def test_a_face_that_is_turned_in_the_picture_is_found_as_it_lies(litert):
    """Landmarks of the turned picture are the turned landmarks."""
    import cv2

    upright = astronaut.portrait()
    center = (astronaut.landmarks()[:, :2].mean(0)).tolist()
    matrix = cv2.getRotationMatrix2D(center, 25, 1)
    turned = cv2.warpAffine(upright, matrix, (256, 256), borderMode=cv2.BORDER_REPLICATE)
    one, two = points(litert, [upright], static=True)[0], points(litert, [turned], static=True)[0]
    wanted = one[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert np.median(np.linalg.norm(two[:, :2] - wanted, axis=1)) < 1.5


def test_boxes_and_masks_are_those_of_mediapipe(litert, mediapipe, speaker):
    for image in (speaker[0], speaker[-1], astronaut.placed(640, 360, 330, 40)):
        with litert.boxes(confidence=0.6) as one, mediapipe.boxes(confidence=0.6) as two:
            ours, theirs = one.find(image), two.find(image)
        assert len(ours) == len(theirs) == 1
        np.testing.assert_allclose(ours, theirs, atol=0.01)
        with litert.person() as one, mediapipe.person() as two:
            ours, theirs = one.find(image), two.find(image)
        assert ours.shape == image.shape[:2] and ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, atol=0.01)


def test_two_faces_are_two_boxes_and_nothing_is_none(litert):
    one = astronaut.placed(640, 256, 0, 0)
    both = astronaut.placed(640, 256, 360, 0, canvas=one)
    with litert.boxes(confidence=0.5) as finder:
        left, right = sorted(finder.find(both).tolist())
        assert abs(right[0] - left[0] - 360) < 4 and abs(right[1] - left[1]) < 4
        assert finder.find(np.zeros((64, 64, 3), np.uint8)).shape == (0, 5)
    with litert.mesh(static=False, confidence=0.5) as mesh:
        assert mesh.find(np.zeros((64, 64, 3), np.uint8)) is None
    with litert.hands(static=False, confidence=0.5) as hands:
        assert hands.find(astronaut.portrait()).shape == (0, 21, 2)


def test_a_mesh_that_forgets_looks_for_the_face_anew(litert):
    near, far = astronaut.placed(640, 256, 0, 0), astronaut.placed(640, 256, 380, 0)
    with litert.mesh(static=False, confidence=0.5) as mesh:
        first = mesh.find(near)
        lost = mesh.find(far)  # looked for where it was
        mesh.forget()
        again = mesh.find(far)
    assert lost is None or apart(lost, again).mean() > 50
    assert np.abs(apart(again, first).mean() - 380) < 4


def test_the_bundles_mesh_is_another_network_of_the_same_face(litert, bundle, speaker):
    found = points(open_detectors("landmarker"), speaker)
    assert np.median(apart(found, points(litert, speaker))) < 2


def test_the_bundle_gives_what_mediapipes_tasks_give(bundle, speaker):
    """Two implementations of the way from the picture to the network and back."""
    pytest.importorskip("mediapipe")
    faces = [speaker[0], astronaut.portrait()]
    ours, theirs = (points(open_detectors(c), faces, static=True) for c in ("landmarker", "tasks"))
    assert apart(ours, theirs).max() < 0.1
    with open_detectors("tasks").mesh(static=False, confidence=0.5) as mesh:
        assert mesh.find(speaker[0]).shape == (478, 3)
        mesh.forget()
        assert mesh.find(np.zeros((64, 64, 3), np.uint8)) is None


def test_names_of_carriers_differ(litert, mediapipe, bundle):
    carriers = (litert, mediapipe, open_detectors("landmarker"), open_detectors("tasks"))
    names = [carrier.name for carrier in carriers]
    assert len(set(names)) == 4 and "LiteRT" in names[0] and "Tasks" in names[3]


# --- what is missing ------------------------------------------------------------------------------


@pytest.mark.parametrize("carrier", ["litert", "landmarker", "tasks"])
def test_missing_networks_are_a_sentence_with_the_command(tmp_path, monkeypatch, carrier):
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path))
    with pytest.raises(UserError, match=r"is not there, so .*: unigs models fetch \S+ gets it"):
        open_detectors(carrier)
    with pytest.raises(UserError, match="does not exist|is not there"):
        open_detectors(carrier, str(tmp_path / "none.safetensors"))


def test_truncated_and_swapped_files_are_refused(tmp_path, real_model):
    whole = real_model(DETECTORS).read_bytes()
    path = tmp_path / "networks.safetensors"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="cannot be read as networks .*get it anew"):
        open_detectors("litert", str(path))
    networks = load_file(real_model(DETECTORS))
    mesh, palms = networks["face_landmark_with_attention"], networks["palm_detection_lite"]
    save_file(networks | {"palm_detection_lite": mesh, "face_landmark_with_attention": palms}, path)
    with pytest.raises(UserError, match="face_landmark_with_attention of .* is another one"):
        open_detectors("litert", str(path))
    changed = mesh.copy()
    changed[len(changed) // 2] ^= 1
    save_file(networks | {"face_landmark_with_attention": changed}, path)
    with pytest.raises(UserError, match="is another one than the catalogue's"):
        open_detectors("litert", str(path))
    del networks["selfie_segmentation"]
    save_file(networks, path)
    with pytest.raises(UserError, match="selfie_segmentation of .* is missing"):
        open_detectors("litert", str(path))


def test_a_stranger_s_bundle_is_not_taken_over(tmp_path, monkeypatch):
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path / "models"))
    task = tmp_path / "face_landmarker.task"
    with zipfile.ZipFile(task, "w") as packed:
        packed.writestr("face_detector.tflite", b"TFL3")
    with pytest.raises(UserError, match="which the catalogue does not know|not a|cannot be read"):
        add_model(LANDMARKER, task)
    assert not (tmp_path / "models" / f"{LANDMARKER}.safetensors").exists()


def test_a_carrier_that_is_not_installed_is_a_sentence(monkeypatch, real_model, bundle):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(UserError, match=r"LiteRT cannot be imported .*pip install ai-edge-litert"):
        open_detectors("litert", str(real_model(DETECTORS))).boxes(confidence=0.5)
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(UserError, match="the carrier tasks needs it"):
        open_detectors("tasks")
    with pytest.raises(UserError, match=r"install mediapipe==0\.10\.14"):
        open_detectors("mediapipe").boxes(confidence=0.5)


@pytest.mark.parametrize(
    "there, installed, wanted",
    [(True, True, "litert"), (True, False, "litert"), (False, True, "mediapipe"),
     (False, False, "litert")],
)  # fmt: skip
def test_auto_takes_what_a_machine_has(tmp_path, monkeypatch, there, installed, wanted):
    monkeypatch.setenv("UNIGS_MODELS", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: installed or None)
    usual = tmp_path / f"{DETECTORS}.safetensors"
    if there:
        usual.touch()
    file = str(usual) if wanted == "litert" else ""
    assert settle_detectors("auto", "") == (wanted, file)
    assert settle_detectors("auto", "own.safetensors") == ("litert", "own.safetensors")
    assert settle_detectors("mediapipe", "") == ("mediapipe", "")
    assert Path(settle_detectors("landmarker", "")[1]).name == f"{LANDMARKER}.safetensors"
