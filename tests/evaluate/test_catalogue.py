"""One entry of the catalogue shows a figure everywhere."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from unigs.evaluate import catalogue
from unigs.evaluate.catalogue import Figure
from unigs.evaluate.document import headline
from unigs.evaluate.records import Record, to_json
from unigs.report.cells import paper_columns
from unigs.report.gallery import gallery
from unigs.report.tables import collate
from unigs.stage.files import write_json

REPO = Path(__file__).parents[2]
RECORDS = (
    Record("psnr", 24.0),
    Record("wobble", 0.5, region="ears"),
    Record("wobble", 0.75, region="ears", method="static"),
)


def shown(folder: Path, monkeypatch, figure: Figure, records=RECORDS) -> tuple[Path, list[dict]]:
    """Folder of tables and page of a run, with a figure more in the catalogue; its rows."""
    monkeypatch.setattr(catalogue, "FIGURES", (*catalogue.FIGURES, figure))
    rows = to_json(list(records))
    content = {
        "test_frames": 3, "training_frames": 9, "size": 64, "device": "cpu: test",
        "landmark_backend": "mesh", "metrics": rows,
    }  # fmt: skip
    metrics = folder / "ann/unigs/test/metrics.json"
    write_json(metrics, content)
    (folder / "tables").mkdir()
    collate((metrics,), folder / "tables/table.csv", folder / "tables/table.md")
    gallery((metrics,), folder / "index.html", tables=(folder / "tables/table.csv",))
    return folder, rows


def test_a_new_entry_is_a_column_a_tile_and_a_word_in_the_log(tmp_path, monkeypatch):
    figure = Figure(
        "wob", "wobble", "wobbling", "ears", digits=1, factor=10, higher_is_better=False,
        tile="wobble of the ears", in_headline=True,
    )  # fmt: skip
    folder, rows = shown(tmp_path, monkeypatch, figure)
    table = pd.read_csv(folder / "tables/table.csv")
    assert table["wob"].tolist() == [5.0, 7.5]
    first, ours = (folder / "tables/table.md").read_text().split("## PSNR by region")
    assert "wobbling" not in first and "| wobbling |" in ours and "| 5.0 |" in ours
    page = (folder / "index.html").read_text()
    assert "<b>5.0</b><span>wobble of the ears</span>" in page
    assert '<span class="up">-2.5 to static</span>' in page, "less is better"
    assert "<th>wobbling</th>" in page
    assert headline(rows).endswith("wobble ears 0.5")


def test_a_figure_of_the_paper_stands_among_its_columns_with_an_arrow(tmp_path, monkeypatch):
    figure = Figure("wob", "wobble", "wobbling", "ears", higher_is_better=False, of_paper=True)
    folder, rows = shown(tmp_path, monkeypatch, figure)
    first, ours = (folder / "tables/table.md").read_text().split("## PSNR by region")
    assert "| wobbling ↓ | training ↓ | FPS ↑ |" in first and "wobbling" not in ours
    assert "wobble" not in headline(rows)
    assert '<div class="stat"><b>0.50</b>' not in (folder / "index.html").read_text()


def test_a_figure_without_record_says_so_everywhere(tmp_path, monkeypatch):
    figure = Figure("wob", "wobble", "wobbling", "ears", tile="wobble of the ears")
    folder, _ = shown(tmp_path, monkeypatch, figure, RECORDS[:1])
    assert "wob: not measured" in pd.read_csv(folder / "tables/table.csv")["empty"][0]
    assert "- wobbling is empty where not measured." in (folder / "tables/table.md").read_text()
    page = (folder / "index.html").read_text()
    assert 'title="not measured"><b class="none">–</b><span>wobble of the ears</span>' in page
    assert "<li>wobbling is empty: not measured</li>" in page


def test_keys_are_unique_and_so_is_what_they_show():
    assert set(Counter(figure.key for figure in catalogue.FIGURES).values()) == {1}
    places = Counter((figure.metric, figure.region) for figure in catalogue.FIGURES)
    assert set(places.values()) == {1}


def test_the_papers_columns_are_in_the_order_of_its_first_table():
    header = (REPO / "resources/paper/figures.csv").read_text().splitlines()[0]
    around = ["table", "dataset", "method"], ["out_of_contest", "source"]
    assert header.split(",") == [*around[0], *paper_columns(), *around[1]]


@pytest.mark.parametrize(
    "higher, change, better",
    [(True, 1.0, True), (True, -1.0, False), (False, -1.0, True), (None, 1.0, False)],
)
def test_better_is_the_figures_direction(higher, change, better):
    figure = Figure("k", "m", "t", higher_is_better=higher)
    assert figure.is_better(change) is better and not figure.is_better(0.0)
