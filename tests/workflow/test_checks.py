"""What does not fit its schema stops with a line for each mistake."""

import pytest
import yaml

from unigs.stage.errors import UserError
from unigs.workflow.checks import _number, check

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
    mistake = "picture: size: '3' is not of type 'integer': it is text, write 3 without quotes, "
    assert mistake + "in a file for --configfile" in lines
    assert "picture: colors[1]: 'green' is not one of ['red', 'blue']" in lines
    assert any("'age' was unexpected" in line for line in lines)


@pytest.mark.parametrize("text", ["1e-5", "1e5", "-2E+20", "3", "0.5", "1e+300"])
def test_a_number_that_yaml_took_for_text_is_written_so_that_it_does_not(text):
    number = yaml.safe_load(_number(text))
    assert type(number) in (int, float) and number == float(text)
    with pytest.raises(ValueError):
        _number("fast")
