"""The documents of faults tell what the tests told, and the tests have told of every case."""

import json

from tests.faults.test_bad_input import ROWS
from tools.markers import table
from tools.reliability import RECORDS, documents, plain, program, read_records


def test_documents_are_those_of_the_records():
    for path, text in documents().items():
        assert path.read_text(encoding="utf-8") == text, f"make reliability writes {path.name}"


def test_every_bad_input_has_its_record():
    told = {node.partition("[")[2][:-1] for node in json.loads(RECORDS.read_text())}
    missing = {row.id for row in ROWS} - told
    assert not missing, "make reliability"


def test_nothing_was_lost_that_nobody_ordered():
    areas, _ = read_records()
    lost = {r["what"]: r["lost"] for records in areas.values() for r in records}
    assert {what for what, loss in lost.items() if not loss.startswith("nothing")} <= {
        "--delete-all-output"
    }


def test_what_was_said_is_no_markup():
    assert table(["a"], [[plain("x | `y` <b>")]]).splitlines()[-1] == (
        "| x &#124; &#96;y&#96; &lt;b&gt; |"
    )


def test_programs_are_told_from_their_flags():
    told = {
        "unigs stage crop_clip --out x": "crop_clip",
        "unigs models add lpips-alex a.pth": "unigs models add",
        "unigs drive ../../etc a.wav": "unigs drive",
        "snakemake -n": "snakemake",
        "": "",
    }
    assert {command: program(command) for command in told} == told
