"""Bad and hostile input: one sentence, a bad exit code, nothing left behind, no file changed.

The table stands in the modules `cases_*` beside this one.
"""

from contextlib import nullcontext

import pytest

from tests.faults import cases_files, cases_media, cases_workflow
from tests.support.faults import WORKFLOW, Case, attempt
from tests.support.site import serving
from tests.support.workflow import DETECTORS

TABLE = {**cases_media.CASES, **cases_files.CASES, **cases_workflow.CASES}
ROWS = [
    pytest.param(
        area,
        case,
        id=f"{area}: {case.what}",
        # A process of Snakemake takes seconds to start.
        marks=[pytest.mark.faults] if case.command.startswith(WORKFLOW) else [],
    )
    for area, cases in TABLE.items()
    for case in cases
]


@pytest.mark.parametrize("area, case", ROWS)
def test_bad_input_is_refused(area: str, case: Case, work, scratch, capfd, tried):
    if case.detectors and not (work / "models" / DETECTORS).stat().st_size:
        pytest.skip("the networks that find faces are not there: unigs models fetch")
    case.make(work)
    with serving() if case.site else nullcontext() as site:
        for path, (status, headers, body) in case.site.items():
            site.answer(path, body, status, **headers)
        said = attempt(case, work, scratch, capfd, site.root if site else "")
    tried(area, case.what, case.command, said, do=case.do, hostile=case.hostile)


def test_the_table_is_as_large_as_promised():
    assert len(ROWS) >= 60 and len({row.id for row in ROWS}) == len(ROWS)
    assert sum(case.hostile for cases in TABLE.values() for case in cases) >= 20
