"""What does not fit its schema stops with a line for each mistake."""

import pytest

from unigs.stage.errors import UserError
from unigs.workflow.checks import check

SCHEMA = """
type: object
additionalProperties: false
properties:
  size: {type: integer}
  colors: {type: array, items: {enum: [red, blue]}}
"""


@pytest.fixture
def schema(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text(SCHEMA)
    return path


def test_what_fits_passes(schema):
    check({"size": 3, "colors": ["red"]}, schema, "picture")


def test_every_mistake_has_its_line(schema):
    with pytest.raises(UserError) as stopped:
        check({"size": "3", "colors": ["red", "green"], "age": 1}, schema, "picture")
    lines = str(stopped.value).splitlines()
    assert len(lines) == 3 and all(line.startswith("picture: ") for line in lines)
    assert "picture: size: '3' is not of type 'integer'" in lines
    assert "picture: colors[1]: 'green' is not one of ['red', 'blue']" in lines
    assert any("'age' was unexpected" in line for line in lines)
