"""The synthetic speaker goes out in AD-NeRF's layout and comes in as another subject."""

import json
import os

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.support.workflow import REPO, snakemake
from unigs.__main__ import main
from unigs.subject.features import HeadPoses, SpeechFeatures
from unigs.subject.frame_table import read_frame_table

CONFIG = {
    "subjects": "people.tsv",
    "demo": {"seconds": 6.4, "size": 256, "strands": 120},
    "crop": {"size": 160},
    "static": {"iterations": 150, "points": 1500, "max_gaussians": 2000, "device": "cpu"},
    "dynamic": {"iterations": 60, "evaluate_every": 30, "device": "cpu"},
}
FILES = ("clip/frames.csv", "face/pose.npz", "face/eyes.csv", "speech/features.npz")


@pytest.mark.slow
def test_an_exported_speaker_trains_as_another_subject(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(CONFIG))
    sheet = tmp_path / "people.tsv"
    sheet.write_text("subject\tdataset\tvideo\timported\nspeaker\tsynthetic\tsynthetic\t\n")
    command = ["--snakefile", str(REPO / "workflow/Snakefile"), "--configfile", "small.yaml"]
    targets = [*FILES, "regions/labels.mkv"]
    weights = {"UNIGS_MODELS": os.environ["UNIGS_MODELS"]}  # real ones: faces are looked for
    made = [f"results/speaker/{name}" for name in targets]
    snakemake(*made, *command, cwd=tmp_path, **weights)

    main(["export", "lineage", "results/speaker", "out/speaker"])
    main(["import", "out/speaker", "--name", "guest", "--pictures", "ori_imgs"])
    with open(sheet, "a") as file:
        file.write("guest\timported\t\tresources/imported/guest\n")
    folder = tmp_path / "results/guest/unigs"
    portrait = folder / "dynamic/portrait.safetensors"
    done = snakemake(str(portrait.relative_to(tmp_path)), *command, cwd=tmp_path, **weights)
    assert "rule crop_clip" not in done.stdout + done.stderr

    files = [tmp_path / f"results/{name}" for name in ("speaker", "guest")]
    before, after = (HeadPoses.read(path / "face/pose.npz") for path in files)
    count = len(after)
    np.testing.assert_allclose(after.head.R, before.head.R[:count], atol=1e-6)
    np.testing.assert_allclose(after.head.t, before.head.t[:count], atol=1e-6)
    assert after.focal == before.focal and after.size == before.size == 160
    # The face was found and fitted anew, in pictures that went through two more codecs.
    nose = np.linalg.norm(after.shape - before.shape, axis=1)
    assert np.median(nose) < 0.003 and np.nanmedian(after.reprojection) < 1.5

    tables = [read_frame_table(path / "clip/frames.csv") for path in files]
    for split in ("train", "test"):
        assert tables[1].frames(split).tolist() == tables[0].frames(split).tolist()
    heard = [SpeechFeatures.read(path / "speech/features.npz") for path in files]
    np.testing.assert_array_equal(heard[1].windows, heard[0].windows[:count])

    record = json.loads((folder / "dynamic/run.json").read_text())
    assert record["backends"]["pose"] == "transforms_train.json, as given"
    assert record["frames"]["train"] == len(tables[1].frames("train"))
    curve = pd.read_csv(folder / "dynamic/curve.csv")
    assert curve["psnr_train"].iloc[-1] > 20
