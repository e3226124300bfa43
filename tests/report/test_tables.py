"""Tables: every figure where it belongs, means only of the same thing, empty cells stay empty."""

import re
from pathlib import Path

import pandas as pd
import pytest

from tests.support.runs import REASON, table_of, write_run
from unigs.evaluate.catalogue import by_key
from unigs.evaluate.records import Record, to_json
from unigs.evaluate.runs import read_runs, run_of
from unigs.report.cells import duration, marks, plain
from unigs.report.page import measurement
from unigs.report.page import table as table_on_page
from unigs.report.tables import paper_rows
from unigs.stage.errors import UserError
from unigs.stage.files import read_json, write_json

PAPER = Path(__file__).parents[2] / "resources/paper/figures.csv"
"""The paper's figures, as shipped."""


def test_a_run_is_a_row_with_its_own_figures(tmp_path):
    table, _ = table_of(tmp_path, [write_run(tmp_path, "ann", "unigs", 24.0)])
    row = table[table["source"] == "here"].iloc[0]
    assert (row["subject"], row["method"], row["dataset"]) == ("ann", "unigs", "own")
    assert (row["psnr"], row["psnr_hair"], row["fps"], row["training"]) == (24, 22, 12.5, "1.5h")
    assert row["lmd"] == pytest.approx(1.5 * 480 / 256)
    assert "speech: logmel" in row["backends"] and row["device"] == "cpu: test"


def test_an_empty_figure_stays_empty_and_says_why(tmp_path):
    table, text = table_of(tmp_path, [write_run(tmp_path, "ann", "unigs", 24.0)])
    row = table[table["source"] == "here"].iloc[0]
    assert pd.isna(row["lpips"]) and f"lpips: {REASON}" in row["empty"]
    assert "LPIPS is empty where no weights here." in text
    assert "| 24.00 | – |" in text


def test_pictures_of_the_clip_stand_once_per_subject_and_static_once_per_variant(tmp_path):
    runs = [write_run(tmp_path, "ann", v, p) for v, p in (("unigs", 24.0), ("plus", 25.0))]
    table, _ = table_of(tmp_path, runs)
    base = table[table["source"] == "baseline"]
    assert base["method"].tolist() == [
        "static model of unigs", "mean training frame", "static model of plus",
    ]  # fmt: skip
    assert base["psnr"].tolist() == [23, 15, 24]


def test_another_systems_render_before_ours_hides_no_picture_of_the_clip(tmp_path):
    """The rules give it first; no pictures of the clip were judged beside it, but a cut truth."""
    system = write_run(tmp_path, "ann", "system", 20.0)
    others = [write_run(tmp_path, name, "unigs", 24.0) for name in ("ann", "bob")]
    content = read_json(system / "metrics.json")
    kept = [row for row in content["metrics"] if row["method"] == "portrait"]
    kept += to_json([Record("sync_asd", 9.0, region="mouth", method="truth")])
    write_json(system / "metrics.json", content | {"metrics": kept, "placement": {}})

    def baselines(folders):
        table, _ = table_of(tmp_path, folders)
        rows = table[table["source"] == "baseline"]
        return list(zip(rows["subject"], rows["method"], rows["psnr"], strict=True))

    assert baselines([system, *others]) == baselines(others)
    assert ("mean of 2", "mean training frame", 15.0) in baselines([system, *others])
    assert baselines([system])[0][:2] == ("ann", "true frames"), "where there is nothing else"


def test_where_another_systems_render_was_placed_is_said_beside_its_figures(tmp_path):
    placement = {
        "first_render_frame": 7, "offset_frames": -100,
        "correlation": 0.987, "next_best_correlation": 0.31,
        "window": {"x": 30.0, "y": 12.5, "scale": 0.5},
    }  # fmt: skip
    folder = write_run(tmp_path, "ann", "system", 20.0)
    (ours,) = read_runs([folder / "metrics.json"])
    content = read_json(folder / "metrics.json")
    write_json(folder / "metrics.json", content | {"placement": placement})
    (theirs,) = read_runs([folder / "metrics.json"])
    said = [line for line in measurement(theirs) if line not in measurement(ours)]
    assert said == [
        "Placed in the clip as found from the pictures: its frame 7 shows frame "
        "107; one of its pixels is 0.500 of the clip's, from "
        "(30.0, 12.5) on; correlation of the motion 0.99, next best 0.31"
    ]


def test_a_pasted_torso_is_said_in_every_row_and_beneath(tmp_path):
    runs = [write_run(tmp_path, "ann", v, p) for v, p in (("separate", 24.0), ("pasted", 35.0))]
    content = read_json(runs[1] / "metrics.json") | {"truth_pasted": True}
    write_json(runs[1] / "metrics.json", content)
    table, text = table_of(tmp_path, runs)
    here = table[table["source"] == "here"]
    assert here["method"].tolist() == ["separate", "pasted (torso pasted)"]
    assert text.count("| pasted (torso pasted) |") == 3 and "Every pixel of ours" not in text
    assert "torso of the true test frame behind a rendered head" in text
    _, text = table_of(tmp_path, runs[:1])
    assert "Every pixel of ours is rendered" in text and "torso pasted" not in text


def test_means_are_over_all_subjects_of_a_data_set(tmp_path):
    runs = [
        write_run(tmp_path, "ann", "unigs", 24.0, lpips=0.1),
        write_run(tmp_path, "bob", "unigs", 26.0),
        write_run(tmp_path, "cem", "unigs", 40.0),
        write_run(tmp_path, "bob", "plus", 27.0),
    ]
    table, _ = table_of(tmp_path, runs, datasets=("ann=longhair", "bob=longhair"))
    means = table[table["subject"].fillna("").str.startswith("mean of")]
    row = means[(means["method"] == "unigs")].iloc[0]
    assert (row["dataset"], row["subject"], row["psnr"]) == ("longhair", "mean of 2", 25)
    assert pd.isna(row["lpips"])  # one of the two has none
    assert "plus" not in set(means["method"])  # ann has no such run
    assert 40 not in set(means["psnr"])


def test_the_papers_figures_stand_beside_and_are_marked(tmp_path):
    paper = tmp_path / "paper.csv"
    paper.write_text(
        "dataset,method,psnr,lpips,ssim,lmd,sync_c,training,fps\n"
        "longhair,Wav2Lip,,,,3.705,8.747,,21.6\nlonghair,UniGS,25.37,0.1049,0.808,2.241,5.047,1h,98\n"
    )
    table, text = table_of(tmp_path, [write_run(tmp_path, "ann", "unigs", 24.0)], paper=paper)
    theirs = table[table["source"] == "paper"]
    assert theirs["psnr"].isna().tolist() == [True, False] and theirs["psnr"].iloc[1] == 25.37
    assert "| longhair | – | UniGS (paper) | 25.37 | 0.1049 | 0.808 | **2.241** |" in text
    assert "a scale, not a contest" in text


def test_shipped_figures_of_the_paper_have_the_columns_of_our_tables(tmp_path):
    counts = {}
    for name in ("table1", "table2", "table3"):
        run = write_run(tmp_path, "ann", "unigs", 24.0)
        table, _ = table_of(tmp_path, [run], paper=PAPER, paper_table=name)
        theirs = table[table["source"] == "paper"]
        counts[name] = len(theirs)
        ours = theirs[theirs["method"].isin(["UniGS", "L=12 F=2", "Δμ, Δs, Δr"])]
        assert ours["psnr"].iloc[0] == 25.37 and ours["sync_c"].iloc[0] == 5.047
    assert counts == {"table1": 10, "table2": 4, "table3": 3}


UNDERLINED = {
    ("longhair", "TalkingGaussian"): ["psnr", "lpips", "ssim", "lmd", "sync_c", "fps"],
    ("shorthair", "TalkingGaussian"): ["psnr", "fps"],
    ("shorthair", "UniGS"): ["lpips", "ssim", "lmd", "sync_c"],
}
"""Second best figures of the paper's Table 1, as it prints them."""


def test_marks_of_the_papers_rows_are_those_that_it_prints(tmp_path):
    """It leaves Wav2Lip's Sync-C, its training loss, out of the comparison, and shows it."""
    runs = [write_run(tmp_path, "ann", "unigs", 24.0)]
    table, text = table_of(tmp_path, runs, paper=PAPER, paper_table="table1")
    latex = (tmp_path / "table.tex").read_text()
    theirs = table[table["source"] == "paper"]
    pairs = theirs[["dataset", "method"]].itertuples(index=False, name=None)
    wanted = [UNDERLINED.get(pair, []) for pair in pairs]
    found = marks(theirs)
    assert [[key for key in row if row[key] == "second"] for row in found] == wanted
    page = table_on_page("table1", theirs, [])
    shown = [
        [t for t, m in zip(page.titles, r.marks, strict=True) if m == "second"] for r in page.rows
    ]
    assert shown == [[by_key()[key].heading for key in keys] for keys in wanted]
    assert "| Wav2Lip (paper) | – | – | – | 3.705 | 8.747 |" in text
    assert r"& 3.705 & 8.747 &" in latex and r"\textbf{7.471}" in latex
    assert "| **7.471** |" in text and "| <u>7.262</u> |" in text


def test_what_is_no_figure_cannot_be_out_of_contest(tmp_path):
    paper = tmp_path / "paper.csv"
    paper.write_text("dataset,method,sync_c,out_of_contest\nlonghair,Wav2Lip,8.747,sync-c psnr\n")
    with pytest.raises(UserError, match="paper.csv takes sync-c of Wav2Lip out of contest"):
        paper_rows(paper)


def test_files_elsewhere_are_refused(tmp_path):
    with pytest.raises(UserError, match="subject/variant/test/file"):
        run_of(tmp_path / "metrics.json")
    run = write_run(tmp_path, "ann", "unigs", 24.0)
    with pytest.raises(UserError, match="write subject=dataset"):
        read_runs((run / "metrics.json",), datasets=("ann",))


@pytest.mark.parametrize("seconds, text", [(5400, "1.5h"), (3600, "1h"), (642, "11min")])
def test_durations_read_as_in_the_paper(seconds, text):
    assert duration(seconds) == text


def test_captions_and_names_are_shown_as_they_are(tmp_path):
    """No tag, link, emphasis or cell of their own in the Markdown, whatever people call things."""
    evil = "<script>x</script> [a](http://b) *c* | `d` _e_ ~f~ &amp; \\"
    run = write_run(tmp_path, "ann", "unigs", 24.0)
    content = read_json(run / "metrics.json")
    content["device"] = evil
    write_json(run / "metrics.json", content)
    _, text = table_of(tmp_path, [run], title=f"Two\nlines {evil}", datasets=(f"ann={evil}",))
    assert "<script" not in text and text.count("&lt;script&gt;") >= 4
    for mark in "[*`~|":
        assert not re.search(rf"(?<!\\)\{mark}[a-f(]", text), mark
    assert text.splitlines()[0].startswith("# Two lines &lt;script")
    assert "&amp;amp;" in text
    borders = [len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line[:1] == "|"]
    assert len(set(borders[:3])) == 1, "every line of a table has the cells of its heading"
    assert plain("unigs_plus, 3.5 (a-b) #1") == "unigs_plus, 3.5 (a-b) #1"


def test_portraits_made_before_stay_in_the_table_and_damaged_ones_do_not(tmp_path):
    runs = [write_run(tmp_path, name, "unigs", 24.0) for name in ("zoe", "ann", "bob")]
    (runs[2] / "metrics.json").write_text("{")
    earlier = tuple(run / "metrics.json" for run in runs[1:])
    table, _ = table_of(tmp_path, runs[:1], earlier=earlier)
    assert table[table["source"] == "here"]["subject"].tolist() == ["mean of 2", "zoe", "ann"]


def test_true_frames_have_a_row_where_a_figure_was_taken_of_them(tmp_path):
    run = write_run(tmp_path, "ann", "unigs", 24.0)
    content = read_json(run / "metrics.json")
    scores = [("sync_asd", "portrait", 0.5), ("sync_asd", "truth", 1.5), ("flicker", "truth", 2.0)]
    content["metrics"] += to_json(
        [Record(m, value, region="mouth", method=who) for m, who, value in scores]
    )
    write_json(run / "metrics.json", content)
    table, text = table_of(tmp_path, [run])
    row = table[table["method"] == "true frames"].iloc[0]
    assert (row["source"], row["sync_asd"]) == ("baseline", 1.5) and pd.isna(row["psnr"])
    content["metrics"] = [r for r in content["metrics"] if r["metric"] != "sync_asd"]
    write_json(run / "metrics.json", content)
    table, _ = table_of(tmp_path, [run])
    assert "true frames" not in set(table["method"]), "flicker is in no column"


def test_both_judges_stand_side_by_side_and_no_reason_stands_twice(tmp_path):
    run = write_run(tmp_path, "ann", "unigs", 24.0)
    content = read_json(run / "metrics.json")
    content["metrics"] += to_json([Record("lmd_256_68", 2.0, region="mouth")])
    write_json(run / "metrics.json", content)
    _, text = table_of(tmp_path, [run])
    both = text.split("## The mouth by two judges")[1]
    assert "| LMD ↓ | LMD-68 | opening r | opening-68 r |" in both
    assert "| ann | unigs | 2.812 | 3.750 |" in both
    lines = text.splitlines()
    notes = [line for line in lines if line.startswith("- ")]
    assert len(notes) == len(set(notes))
