"""The table of voices shows what its files hold, and says what is missing."""

from pathlib import Path

import pandas as pd
import pytest

from unigs.evaluate.records import PORTRAIT, SHUFFLED, Record, to_json
from unigs.report import voices
from unigs.report.gallery import voices_of
from unigs.report.voices import COLUMNS, collate_voices, shown_rows
from unigs.stage.errors import UserError
from unigs.stage.files import write_json


@pytest.fixture
def files(tmp_path):
    """Lips of two people, one rendered pair, one recording with known phones."""
    lips = tmp_path / "lips.csv"
    lips.write_text(
        "portrait,voice,frames,opening_r,width_r,shuffled_r\n"
        "ann,ann,20,0.9,0.8,0.1\nann,b_o,100,0.5,0.25,0.0\nb_o,ann,90,0.7,0.35,-0.1\n"
        "b_o,b_o,10,0.7,0.6,\n"
    )
    pair = tmp_path / "ann/plus/voices/b_o.json"
    records = [Record("voice_opening_r", 0.45, region="mouth"),
               Record("voice_opening_r_68", None, region="mouth", reason="no face")]  # fmt: skip
    write_json(pair, {"metrics": to_json(records)})
    said = tmp_path / "b_o/plus/closure/words.json"
    records = [Record("closure_bilabial", 0.8, region="mouth", method=PORTRAIT),
               Record("closure_bilabial", 0.3, region="mouth", method=SHUFFLED)]  # fmt: skip
    write_json(said, {"metrics": to_json(records)})
    return {"lips": (lips,), "pairs": (pair,), "closures": (said,)}


def collated(tmp_path, **files):
    outs = tmp_path / "voices.csv", tmp_path / "voices.md", tmp_path / "voices.svg"
    collate_voices(*outs, **files)
    return pd.read_csv(outs[0]), outs[1].read_text(), outs[2].read_text()


def test_every_pair_has_a_row_with_what_was_measured_of_it(tmp_path, files):
    table, text, picture = collated(tmp_path, **files)
    assert tuple(table.columns) == COLUMNS and len(table) == 5
    rows = table.set_index(["portrait", "voice"])
    assert rows.loc[("ann", "b_o"), "rendered_opening_r"] == 0.45
    assert rows.loc[("ann", "b_o"), "opening_r"] == 0.5
    assert pd.isna(rows.loc[("ann", "b_o"), "rendered_opening_r_68"])
    said = rows.loc[("b_o", "words")]
    assert (said["closure_bilabial"], said["closure_bilabial_shuffled"]) == (0.8, 0.3)
    assert pd.isna(said["opening_r"])
    assert "mean, other voices, 2 pairs: opening_r 0.600, width_r 0.300" in text
    assert "mean, own voice (test part), 2 pairs: opening_r 0.800" in text
    assert "| ann | 0.90 / 0.80 | 0.50 / 0.25 |" in text
    assert picture.count("0.50") >= 1 or "svg" in picture


def test_the_page_shows_what_was_measured_on_pictures(tmp_path, files):
    table, *_ = collated(tmp_path, **files)
    titles, rows = shown_rows(table)
    assert titles == ["portrait", "voice", "opening_r", "rendered_opening_r", "closure_bilabial",
                      "closure_bilabial_shuffled"]  # fmt: skip
    assert rows == [["ann", "b_o", "0.50", "0.45", "–", "–"],
                    ["b_o", "words", "–", "–", "0.80", "0.30"]]  # fmt: skip


def test_people_may_have_names_that_look_like_numbers_or_nothing(tmp_path, files):
    lips = files["lips"][0]
    lips.write_text(lips.read_text().replace("ann", "001").replace("b_o", "null"))
    pair = files["pairs"][0].rename(tmp_path / "null.json")
    moved = tmp_path / "001/plus/voices/null.json"
    moved.parent.mkdir(parents=True)
    pair.rename(moved)
    tables = tmp_path / "tables"
    tables.mkdir()
    _, text, _ = collated(tables, lips=(lips,), pairs=(moved,))
    assert "| 001 | 0.90 / 0.80 | 0.50 / 0.25 |" in text and "| null | 0.70 / 0.35 |" in text
    assert voices_of(tables / "voices.csv", tmp_path).rows[0][:4] == ["001", "null", "0.50", "0.45"]


def test_a_pair_without_a_figure_has_a_dash(tmp_path, files):
    """Lips that do not move have no correlation; nor has a pair that nobody compared."""
    lips = files["lips"][0]
    text = lips.read_text().replace("b_o,ann,90,0.7,0.35,-0.1", "b_o,ann,90,,,")
    lips.write_text(text.replace("ann,b_o,100,0.5,0.25,0.0\n", ""))
    _, text, picture = collated(tmp_path, **files)
    assert "| ann | 0.90 / 0.80 | – / – |" in text and "| b_o | – / – | 0.70 / 0.60 |" in text
    assert "mean, other voices" not in text


def test_nothing_is_written_where_the_picture_cannot_be_drawn(tmp_path, files, monkeypatch):
    def fails(_):
        raise ValueError

    monkeypatch.setattr(voices, "matrix_figure", fails)
    with pytest.raises(ValueError):
        collated(tmp_path, **files)
    assert not list(tmp_path.glob("voices.*"))


def test_a_table_of_closure_alone_needs_no_pairs(tmp_path, files):
    table, text, _ = collated(tmp_path, closures=files["closures"])
    assert len(table) == 1 and "Lips alone" not in text and "Known phones" in text


def test_files_that_hold_no_figures_are_refused(tmp_path, files):
    files["lips"][0].write_text("portrait,voice\n")
    with pytest.raises(UserError, match="lacks the columns frames, .*: run compare_voices anew"):
        collated(tmp_path, **files)
    files["pairs"][0].write_text("{}")
    with pytest.raises(UserError, match="holds no figures"):
        collated(tmp_path, pairs=files["pairs"])


def test_the_page_has_no_empty_picture_where_one_person_is_alone(tmp_path, files):
    tables = tmp_path / "tables"
    tables.mkdir()
    collated(tables, **files)
    assert voices_of(tables / "voices.csv", tmp_path).picture == Path("tables/voices.svg")
    collated(tables, closures=files["closures"])
    alone = voices_of(tables / "voices.csv", tmp_path)
    assert alone.picture is None and len(alone.rows) == 1
