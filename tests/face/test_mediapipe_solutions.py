"""How MediaPipe is loaded, where somebody wants it."""

import subprocess
import sys

import numpy as np
import pytest

from unigs.face.mediapipe_solutions import FaceBoxes

pytest.importorskip("mediapipe")


def test_detectors_load_no_plotting_and_leave_it_to_others():
    """In a process of its own: other tests load both."""
    code = (
        "import sys\n"
        "from unigs.face.mediapipe_solutions import FaceBoxes\n"
        "with FaceBoxes(confidence=0.5):\n"
        "    unused = [m for m in ('matplotlib', 'mediapipe.tasks') if m in sys.modules]\n"
        "assert not unused, unused\n"
        "import matplotlib.figure, mediapipe.tasks.python.vision\n"
        "assert matplotlib.figure.Figure and mediapipe.tasks.python.vision.FaceDetector\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_image_makes_no_new_class():
    with FaceBoxes(confidence=0.5) as boxes:
        black = np.zeros((64, 64, 3), np.uint8)
        assert not isinstance(boxes._process(black), type)
        assert boxes.find(black).shape == (0, 5)
