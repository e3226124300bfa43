"""What a stage loads before it begins: loading costs CPU time in every process."""

import subprocess
import sys

import pytest

SLOW = {"matplotlib", "mediapipe", "numba", "pandas", "scipy", "torch"}


@pytest.mark.parametrize(
    "stage",
    [
        "clip.crop",
        "clip.screen",
        "face.landmarks",
        "face.eyes",
        "speech.extract",
        "speech.encode",
        "regions.segment",
        "body.track",
        "pose.fit",
    ],
)
def test_a_stage_loads_no_large_package_that_it_does_not_need(stage):
    code = f"import sys, unigs.prepare.{stage}\nprint(*sorted({SLOW!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("stage", "paths"),
    [
        ("face.eyes.measure_eyes", ("landmarks", "frame-table", "out", "openface")),
        ("pose.fit.fit_pose", ("landmarks", "frame-table", "out")),
    ],
)
def test_reading_the_command_line_loads_no_checker_of_types(stage, paths):
    """tyro loads typeguard, and with it asyncio, for types that it cannot take apart itself."""
    module, _, name = stage.rpartition(".")
    flags = [word for path in paths for word in (f"--{path}", "missing")]
    code = (
        f"import sys\nfrom unigs.stage import cli\nfrom unigs.prepare.{module} import {name}\n"
        f"try:\n    cli.run({name}, {flags!r})\nexcept SystemExit as end:\n    print(end.code)\n"
        "print(*sorted({'typeguard', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2"], done.stderr
