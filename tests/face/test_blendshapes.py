"""The blendshape network run by us, against MediaPipe's Tasks and made-up scores."""

import zipfile

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.support import astronaut
from unigs.face.blendshapes import (
    NAMES,
    POINTS,
    blendshape_units,
    blendshapes,
    read_blendshapes,
)


def test_scores_are_those_of_mediapipes_tasks(real_model, tmp_path):
    """Landmarks and scores of one picture by Tasks; from these landmarks, the scores by us."""
    media = pytest.importorskip("mediapipe")
    base = pytest.importorskip("mediapipe.tasks.python.core.base_options")
    vision = pytest.importorskip("mediapipe.tasks.python.vision")
    path = real_model("face-landmarker")
    with zipfile.ZipFile(tmp_path / "all.task", "w") as task:
        for name, values in load_file(path).items():
            task.writestr(f"{name}.tflite", values.tobytes())
        task.writestr("geometry_pipeline_metadata_landmarks.binarypb", b"")
    options = vision.FaceLandmarkerOptions(
        base_options=base.BaseOptions(model_asset_path=str(tmp_path / "all.task")),
        output_face_blendshapes=True,
    )
    network, image = read_blendshapes(path), astronaut.portrait()
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for picture in (image, np.ascontiguousarray(image[:, ::-1])):
            found = landmarker.detect(media.Image(media.ImageFormat.SRGB, picture))
            marks = np.array([(p.x, p.y, p.z) for p in found.face_landmarks[0]])[None] * 256
            theirs = {score.category_name: score.score for score in found.face_blendshapes[0]}
            ours = dict(zip(NAMES, blendshapes(network, marks)[0], strict=True))
            assert set(theirs) == set(ours)
            assert max(abs(theirs[name] - ours[name]) for name in NAMES) < 1e-3
            assert max(ours.values()) > 0.3


def test_frames_without_a_face_have_no_scores(real_model):
    points = np.stack([astronaut.landmarks()] * 3)
    points[1, 33] = np.nan
    scores = blendshapes(read_blendshapes(real_model("face-landmarker")), points)
    assert scores.shape == (3, 52) and np.isnan(scores[1]).all()
    np.testing.assert_array_equal(scores[0], scores[2])
    assert len(set(POINTS)) == 146 and len(set(NAMES)) == 52


def made_up(**columns) -> np.ndarray:
    """Scores [T,52] that are 0.1 but for some."""
    scores = np.full((len(next(iter(columns.values()))), 52), 0.1)
    for name, values in columns.items():
        scores[:, NAMES.index(name)] = values
    return scores


def test_units_are_0_at_the_usual_face_and_5_at_the_strongest():
    blink = np.full(200, 0.2)
    blink[50:55] = 0.8
    brow = np.full(200, 0.3)
    brow[120:160] = 0.9
    scores = made_up(eyeBlinkLeft=blink, eyeBlinkRight=blink, browInnerUp=brow)
    scores[10] = np.nan
    units = blendshape_units(scores, smooth=0)
    assert set(units) == {"AU01", "AU04", "AU05", "AU07", "AU45"}
    assert np.isnan(units["AU45"][10]) and np.nanmax(units["AU04"]) == 0
    assert units["AU45"][52] == 5 and units["AU45"][60] == 0
    assert units["AU01"][140] == pytest.approx(5) and units["AU01"][100] == 0
    # A movement that is small for anybody stays small.
    slight = blendshape_units(made_up(browInnerUp=np.where(brow > 0.5, 0.34, 0.3)), smooth=0)
    assert slight["AU01"].max() == pytest.approx(0.5)


def test_smoothing_leaves_the_blink_and_frames_that_do_not_count_set_no_scale():
    blink = np.full(200, 0.2)
    blink[50:53] = 0.8
    brow = np.full(200, 0.1)
    brow[50:53] = 0.5
    scores = made_up(eyeBlinkLeft=blink, eyeBlinkRight=blink, browInnerUp=brow)
    sharp, soft = blendshape_units(scores, 0), blendshape_units(scores, 2)
    np.testing.assert_array_equal(sharp["AU45"], soft["AU45"])
    assert soft["AU01"].max() < sharp["AU01"].max() and (soft["AU01"] > 0).sum() > 3
    scores[190:, NAMES.index("browInnerUp")] = 5.0
    usable = np.arange(200) < 190
    assert blendshape_units(scores, 0, usable)["AU01"][51] == pytest.approx(5)
    assert blendshape_units(scores, 0)["AU01"][51] < 1
