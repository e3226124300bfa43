"""Curves over a setting: every point is a row of the table, and nothing else is drawn."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from unigs.report import sweep
from unigs.report.gallery import table_of
from unigs.report.sweep import plot_sweep, read_value, sweep_figure
from unigs.stage.errors import UserError

ROWS = [
    ("here", "own", "ann", "short", 24.0, 23.5, 24.5, 0.2),
    ("here", "own", "ann", "long", 27.0, 26.0, 28.0, 0.1),
    ("here", "own", "bea", "short", 20.0, 19.0, 21.0, None),
    ("here", "own", "bea", "long", 21.0, 20.0, 22.0, None),
    ("here", "own", "bea", "other", 99.0, 98.0, 99.0, 0.9),
    ("baseline", "own", "ann", "short", 15.0, None, None, None),
]
KEYS = ["psnr", "lpips"]
COLUMNS = ["source", "dataset", "subject", "method", "psnr", "psnr_low", "psnr_high", "lpips"]


def drawn(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}


def saved_figure(monkeypatch, table, words):
    """The figure that plot_sweep would save."""
    found = []
    monkeypatch.setattr(sweep, "save", lambda figure, out: found.append(figure))
    sweep.plot_sweep(table, table.with_suffix(".svg"), "x.y", words)
    return found[0]


@pytest.fixture
def table(tmp_path):
    pd.DataFrame(ROWS, columns=COLUMNS).to_csv(tmp_path / "steps.csv", index=False)
    return tmp_path / "steps.csv"


@pytest.fixture
def rows():
    frame = pd.DataFrame(ROWS, columns=COLUMNS)
    frame["value"] = frame["method"].map({"short": 2000.0, "long": 32000.0})
    yield frame[(frame["source"] == "here") & frame["value"].notna()]
    plt.close("all")


def test_a_curve_goes_through_the_rows_of_its_subject(rows):
    figure = sweep_figure(rows, KEYS, "dynamic.iterations")
    psnr, lpips = figure.axes[:2]
    assert drawn(psnr) == {
        "ann": [[2000, 24], [32000, 27]], "bea": [[2000, 20], [32000, 21]],
    }  # fmt: skip
    assert drawn(lpips) == {"ann": [[2000, 0.2], [32000, 0.1]], "bea": []}
    assert psnr.get_title() == "PSNR ↑" and lpips.get_title() == "LPIPS ↓"
    assert psnr.get_xscale() == "log" and psnr.get_xlabel() == "dynamic.iterations"


def test_a_band_spans_the_interval(rows):
    band = sweep_figure(rows, KEYS, "dynamic.iterations").axes[0].collections[0]
    corners = np.unique(band.get_paths()[0].vertices.round(6), axis=0).tolist()
    assert corners == [[2000, 23.5], [2000, 24.5], [32000, 26], [32000, 28]]


def test_seeds_of_one_value_are_one_point(rows):
    rows = pd.concat([rows, rows.assign(psnr=rows["psnr"] + 2)])
    assert drawn(sweep_figure(rows, KEYS, "x.y").axes[0])["ann"] == [[2000, 25], [32000, 28]]


def test_means_over_subjects_hold_their_seeds_once(tmp_path, monkeypatch):
    """The row of `short` is the mean of its three seeds already, those of seeds stand below."""
    seeds = {"short": 25.0, "short_seed1": 30.0, "short_seed2": 21.0, "long": 27.0, "x_seed1": 29.0}
    means = [("here", "own", "mean of 2", name, psnr) for name, psnr in seeds.items()]
    single = [("here", "own", "ann", name, psnr) for name, psnr in seeds.items()]
    table = tmp_path / "steps.csv"
    pd.DataFrame(means + single, columns=COLUMNS[:5]).to_csv(table, index=False)
    words = ("short=2", "short_seed1=2", "short_seed2=2", "long=32", "x_seed1=64")
    found = saved_figure(monkeypatch, table, words)
    assert drawn(found.axes[0]) == {
        "mean of 2": [[2, 25], [32, 27], [64, 29]],
        "ann": [[2, pytest.approx(76 / 3)], [32, 27], [64, 29]],
    }


def test_means_of_two_data_sets_are_two_curves(rows):
    rows = rows.assign(subject="mean of 2", dataset=["long hair"] * 2 + ["short hair"] * 2)
    figure = sweep_figure(rows, KEYS, "x.y")
    assert drawn(figure.axes[0]) == {
        "mean of 2, long hair": [[2000, 24], [32000, 27]],
        "mean of 2, short hair": [[2000, 20], [32000, 21]],
    }


def test_a_table_without_data_sets_is_drawn(tmp_path, monkeypatch, table):
    pd.read_csv(table).drop(columns="dataset").to_csv(table, index=False)
    found = saved_figure(monkeypatch, table, ("short=2", "long=32"))
    assert drawn(found.axes[0]) == {"ann": [[2, 24], [32, 27]], "bea": [[2, 20], [32, 21]]}


def test_curves_are_named_as_the_subjects_are(tmp_path, monkeypatch, table):
    named = pd.read_csv(table).replace({"subject": {"ann": "007", "bea": "null"}})
    named.to_csv(table, index=False)
    found = saved_figure(monkeypatch, table, ("short=2", "long=32"))
    assert list(drawn(found.axes[0])) == ["007", "null"]


def test_values_that_lie_close_have_an_even_axis(rows):
    rows["value"] = rows["method"].map({"short": 0.2, "long": 0.4})
    assert sweep_figure(rows, KEYS, "x.y").axes[0].get_xscale() == "linear"


def test_the_picture_stands_with_its_table_on_the_page(tmp_path, table):
    out = tmp_path / "tables/steps.svg"
    out.parent.mkdir()
    plot_sweep(table, out, "dynamic.iterations", ("short=2000", "long=32000"))
    assert out.read_text().count("dynamic.iterations") >= 1
    moved = table.rename(tmp_path / "tables/steps.csv")
    assert table_of(moved, tmp_path, (out,)).curve.as_posix() == "tables/steps.svg"
    assert table_of(moved, tmp_path, (tmp_path / "tables/other.svg",)).curve is None


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("short=many",), "^short=many is not of the form variant=value with a number.$"),
        (("short",), "^short is not of the form"),
        (("unknown=1",), "steps.csv has none of the variants unknown.$"),
    ],
)
def test_wrong_words_are_told(tmp_path, table, words, sentence):
    with pytest.raises(UserError, match=sentence):
        plot_sweep(table, tmp_path / "steps.svg", "x.y", words)
    assert not (tmp_path / "steps.svg").exists()


def test_a_table_without_figures_is_told(tmp_path, table):
    pd.read_csv(table).drop(columns=KEYS).to_csv(table, index=False)
    with pytest.raises(UserError, match="steps.csv has none of the figures psnr, lpips, lmd"):
        plot_sweep(table, tmp_path / "steps.svg", "x.y", ("short=1", "long=2"))


def test_a_file_that_is_no_table_is_told(tmp_path):
    (tmp_path / "steps.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="steps.csv lacks the columns source, subject, method:"):
        plot_sweep(tmp_path / "steps.csv", tmp_path / "steps.svg", "x.y", ("a=1",))


def test_a_value_may_follow_a_name_with_signs():
    assert read_value("a=b=0.5") == ("a=b", 0.5)
