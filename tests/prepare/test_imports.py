"""What a stage loads before it begins: loading costs CPU time in every process."""

import subprocess
import sys

import pytest

SLOW = ("matplotlib", "mediapipe", "numba", "pandas", "torch")


@pytest.mark.parametrize(
    ("stage", "needs"),
    [
        ("clip.crop", ()),
        ("clip.screen", ()),
        ("face.landmarks", ()),
        ("face.eyes", ()),
        ("speech.extract", ()),
        ("speech.encode", ()),
        ("regions.segment", ()),
        ("body.track", ()),
        ("pose.fit", ("scipy",)),
    ],
)
def test_a_stage_loads_no_large_package_that_it_does_not_need(stage, needs):
    names = {*SLOW, "scipy"} - set(needs)
    code = f"import sys, unigs.prepare.{stage}\nprint(*sorted({names!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
