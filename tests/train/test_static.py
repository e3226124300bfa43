"""The static stage."""

import pandas as pd

from unigs.model.storage import load_portrait
from unigs.provenance.clip import INTENDED_USE
from unigs.stage.files import read_json


def test_static_stage_learns_the_subject(static_run):
    curve = pd.read_csv(static_run / "curve.csv")
    assert curve["psnr_train"].iloc[-1] > 24
    assert curve["loss"].is_monotonic_decreasing
    record = read_json(static_run / "run.json")
    assert record["settings"]["iterations"] == 120 and record["backends"]["pose"] == "test"
    assert not (static_run / "last.ckpt").exists()
    portrait = load_portrait(static_run / "portrait.safetensors")
    told = {"source": "rendered here", "license": "CC0 1.0"}
    assert record["provenance"] == portrait.meta["static"]["provenance"] == told
    assert record["intended_use"] == portrait.meta["static"]["intended_use"] == INTENDED_USE
    weights = portrait.gaussians.anchors.sigmoid()
    height = portrait.gaussians.means[:, 1]
    # What rests in the camera is low: the anchor must have found the torso.
    assert weights[height > 0.12].mean() > weights[height < 0.03].mean() + 0.3
