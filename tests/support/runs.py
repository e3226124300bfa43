"""Figures of a made-up run, and a table of them."""

import pandas as pd

from unigs.evaluate.compare import compare
from unigs.evaluate.records import Record, to_json
from unigs.report.tables import collate
from unigs.stage.files import write_json

REASON = "no weights here"


def write_run(root, subject, variant, psnr, lpips=None, size=256):
    folder = root / subject / variant / "test"
    records = [
        Record("psnr", psnr),
        Record("psnr", psnr - 2, region="hair"),
        Record("psnr", psnr - 1, method="static"),
        Record("psnr", 15.0, method="mean_frame"),
        Record("lmd_256", 1.5, region="mouth"),
        Record("lpips", lpips, reason=None if lpips is not None else REASON),
    ]
    content = {
        "test_frames": 19, "training_frames": 181, "size": size, "device": "cpu: test",
        "landmark_backend": "mesh", "backends": {"speech": "logmel"},
        "training": {"seconds": 5400.0}, "metrics": to_json(records),
    }  # fmt: skip
    write_json(folder / "metrics.json", content)
    write_json(folder / "speed.json", {"metrics": to_json([Record("fps", 12.5)])})
    return folder


def table_of(tmp_path, folders, **options):
    metrics = tuple(folder / "metrics.json" for folder in folders)
    speed = tuple(folder / "speed.json" for folder in folders)
    shared = {key: options[key] for key in ("datasets", "earlier") if key in options}
    reference = options.pop("reference", "")
    compare(metrics, tmp_path / "compared.json", speed, reference=reference, **shared)
    collate(
        metrics, tmp_path / "table.csv", tmp_path / "table.md", speed,
        compared=tmp_path / "compared.json", latex=tmp_path / "table.tex", **options,
    )  # fmt: skip
    return pd.read_csv(tmp_path / "table.csv"), (tmp_path / "table.md").read_text()
