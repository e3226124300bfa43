"""What tables show of several runs: means, seeds, differences, marks, LaTeX."""

import re
import subprocess
from pathlib import Path
from shutil import which

import numpy as np
import pandas as pd
import pytest

from tests.support.runs import table_of, write_run
from unigs.evaluate import catalogue
from unigs.evaluate.compare import compare, is_clear
from unigs.evaluate.interval import DRAWS, interval, write_draws
from unigs.report.cells import marks
from unigs.report.latex import escaped
from unigs.stage.files import read_json, write_json

PSNR = ("psnr", "full", "portrait")


def run(root, subject, variant, psnr, noise=None, **options):
    """A run whose PSNR has these draws about its value."""
    folder = write_run(root, subject, variant, psnr, **options)
    if noise is not None:
        write_draws(folder / "draws.npz", {PSNR: (psnr + noise).astype(np.float32)})
    return folder


def compared(tmp_path, folders, **options):
    compare(tuple(f / "metrics.json" for f in folders), tmp_path / "c.json", **options)
    return read_json(tmp_path / "c.json")


def noise(seed, spread=1.0):
    return np.random.default_rng(seed).normal(0, spread, DRAWS)


def test_differences_are_taken_frame_by_frame(tmp_path):
    """Both vary by a decibel with the frames that are drawn, their difference by a tenth."""
    shared = noise(0)
    runs = [
        run(tmp_path, "ann", "plus", 25.0, shared),
        run(tmp_path, "ann", "twin", 24.6, shared + noise(1, 0.1)),
    ]
    content = compared(tmp_path, runs, reference="plus")
    (row,) = content["differences"]
    assert (row["method"], row["subject"]) == ("twin", "ann")
    cell = row["figures"]["psnr"]
    assert cell["value"] == pytest.approx(0.4)
    low, high = interval(0.4 - noise(1, 0.1))
    assert (cell["low"], cell["high"]) == pytest.approx((low, high), abs=1e-3)
    assert is_clear(catalogue.by_key()["psnr"], cell) is True
    alone = interval(25 + shared)[1] - interval(25 + shared)[0]
    assert high - low < 0.2 * alone
    assert "low" not in row["figures"]["psnr_hair"], "no draws, no interval"


def test_a_path_that_does_not_name_the_subject_has_its_intervals(tmp_path, monkeypatch):
    """Paths may begin inside the run's folder, or lead there by a link."""
    folder = run(tmp_path / "results", "ann", "plus", 25.0, noise(0))
    twin = run(tmp_path / "results", "ann", "twin", 25.0, noise(0))
    (tmp_path / "short").symlink_to(twin)
    monkeypatch.chdir(folder)
    paths = Path("metrics.json"), tmp_path / "short/metrics.json"
    compare(paths, tmp_path / "c.json", reference="plus")
    (row,) = read_json(tmp_path / "c.json")["differences"]
    assert row["method"] == "twin" and "low" in row["figures"]["psnr"]


def test_the_mean_of_subjects_varies_less_than_each(tmp_path):
    runs = [run(tmp_path, name, "plus", 25.0, noise(3)) for name in ("ann", "bob", "cem", "dan")]
    (mean,) = [r for r in compared(tmp_path, runs)["means"] if r["method"] == "plus"]
    cell = mean["figures"]["psnr"]
    assert cell["value"] == 25 and mean["subject"] == "mean of 4"
    # The same numbers for all four: as of other people they must not move together.
    assert cell["high"] - cell["low"] == pytest.approx(2 * 1.96 / 2, rel=0.12)


def test_seeds_widen_the_interval_by_how_much_they_differ(tmp_path):
    values = {"plus": 24.0, "plus_seed1": 25.0, "plus_seed2": 26.0}
    runs = [run(tmp_path, "ann", name, psnr, noise(5, 0.01)) for name, psnr in values.items()]
    runs.append(run(tmp_path, "ann", "twin", 20.0, noise(5, 0.01)))
    content = compared(tmp_path, runs, reference="plus")
    (row,) = content["seeds"]
    assert (row["method"], row["seeds"], row["figures"]["psnr"]["value"]) == ("plus", 3, 25.0)
    # Three seeds drawn of three: the mean of all three first ones (24) has chance 1/27 > 2.5 %.
    assert row["figures"]["psnr"]["low"] == pytest.approx(24, abs=0.05)
    assert row["figures"]["psnr"]["high"] == pytest.approx(26, abs=0.05)
    by_method = {row["method"]: row for row in content["differences"]}
    assert set(by_method) == {"twin"} and by_method["twin"]["figures"]["psnr"]["value"] == 5
    table, text = table_of(tmp_path, runs)
    assert table["method"].tolist().count("plus (mean of 3 seeds)") == 1
    assert "plus (mean of 3 seeds)" in text


def pasted(folder):
    content = read_json(folder / "metrics.json")
    write_json(folder / "metrics.json", content | {"truth_pasted": True})
    return folder


def test_variants_with_a_pasted_torso_keep_their_seeds_and_differences(tmp_path):
    runs = [
        pasted(run(tmp_path, subject, variant, psnr))
        for subject in ("ann", "bob")
        for variant, psnr in (("plus", 30.0), ("plus_seed1", 32.0), ("twin", 28.0))
    ]
    runs += [run(tmp_path, "cem", "twin", 20.0)]
    content = compared(tmp_path, runs, reference="plus", datasets=("cem=other",))
    seeds = [(r["subject"], r["method"], r["figures"]["psnr"]["value"]) for r in content["seeds"]]
    assert seeds == [("ann", "plus (torso pasted)", 31), ("bob", "plus (torso pasted)", 31)]
    less = [
        (r["subject"], r["method"], r["figures"]["psnr"]["value"]) for r in content["differences"]
    ]
    assert less == [(name, "twin (torso pasted)", 3) for name in ("ann", "bob", "mean of 2")]
    assert content["reference"] == "plus (torso pasted)"
    means = {row["method"] for row in compared(tmp_path, runs)["means"]}
    assert "twin (torso pasted)" not in means, "one of three subjects has no pasted one"


def test_no_mean_is_over_pasted_and_rendered_frames(tmp_path):
    runs = [pasted(run(tmp_path, "ann", "twin", 28.0)), run(tmp_path, "bob", "twin", 20.0)]
    found = compared(tmp_path, runs)["means"]
    assert [row["method"] for row in found if not row.get("baseline")] == []


def test_a_variant_that_is_only_called_like_a_seed_has_its_differences(tmp_path):
    names = ("plus", "trial_seed7")
    runs = [run(tmp_path, "ann", name, 25.0 - place) for place, name in enumerate(names)]
    (row,) = compared(tmp_path, runs, reference="plus")["differences"]
    assert (row["method"], row["figures"]["psnr"]["value"]) == ("trial_seed7", 1)


def test_best_and_second_best_are_marked_where_rows_compete(tmp_path):
    rows = [
        ("paper", "long", "", "A", 30.0, 0.10), ("paper", "long", "", "B", 20.0, 0.20),
        ("here", "long", "ann", "x", 24.0, 0.30), ("here", "long", "ann", "y", 25.001, 0.20),
        ("here", "long", "ann", "z", 25.002, 0.10),
        ("here", "long", "ann", "w (torso pasted)", 9e9, 0),
        ("baseline", "long", "ann", "mean", 50.0, 0.0), ("here", "long", "bob", "x", 24.0, 0.30),
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["source", "dataset", "subject", "method", "psnr", "lpips"])
    found = marks(table)
    assert found[0] == {"psnr": "best", "lpips": "best"}
    assert found[1] == {"psnr": "second", "lpips": "second"}
    assert found[2] == {"psnr": "second"}, "third in LPIPS"
    assert found[3] == {"psnr": "best", "lpips": "second"}, "shown as equal"
    assert found[4] == {"psnr": "best", "lpips": "best"}
    assert found[5:] == [{}, {}, {}], "pasted, a picture of the clip, alone"


def test_the_latex_holds_the_figures_marked_and_escaped(tmp_path):
    runs = [
        run(tmp_path, "ann", "unigs", 24.0, noise(0)),
        run(tmp_path, "ann", "unigs_plus", 25.0, noise(1)),
    ]
    table_of(tmp_path, runs, title="50 % & more_", datasets=("ann=long_hair",))
    text = (tmp_path / "table.tex").read_text()
    assert r"\caption{50 \% \& more\_}" in text
    assert r"long\_hair & ann & unigs\_plus & \textbf{25.00} & --" in text
    assert r"& unigs & \underline{24.00} &" in text and r"PSNR $\uparrow$" in text
    assert "mean training frame" not in text
    columns = len(re.search(r"tabular\}\{(\w+)\}", text)[1])
    assert all(line.count("&") == columns - 1 for line in text.splitlines() if line[:4] == "long")
    assert escaped("Δf, Δα <5 x^2 {a}\\") == (
        r"$\Delta$f, $\Delta$$\alpha$ $<$5 x\textasciicircum{}2 \{a\}\textbackslash{}"
    )


def test_latex_sets_it(tmp_path):
    if not which("pdflatex"):
        pytest.skip("no pdflatex here")
    table_of(tmp_path, [run(tmp_path, "ann", "unigs", 24.0, noise(0))])
    head = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}\\input{table.tex}"
    (tmp_path / "a.tex").write_text(head + "\\end{document}")
    subprocess.run(["pdflatex", "-halt-on-error", "a.tex"], cwd=tmp_path, check=True)


def test_intervals_and_differences_stand_in_the_markdown_and_the_csv(tmp_path):
    runs = [
        run(tmp_path, "ann", "plus", 25.0, noise(0, 0.1)),
        run(tmp_path, "ann", "twin", 24.0, noise(1, 0.1)),
    ]
    for folder in runs:
        content = read_json(folder / "metrics.json")
        content["metrics"][0] |= {"low": content["metrics"][0]["value"] - 0.5, "high": 99.0}
        write_json(folder / "metrics.json", content)
    table, text = table_of(tmp_path, runs, reference="plus")
    assert table[table["method"] == "plus"]["psnr_low"].tolist() == [24.5]
    assert "| own | ann | plus | 24.50 to 99.00 |" in text
    part = text.split("## plus less each other")[1]
    assert re.search(r"\| own \| ann \| twin \| \*\*\+1\.00 \(\+0\.\d\d to", part)
