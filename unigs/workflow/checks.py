"""What people configure, compared with its schema before anything runs."""

from pathlib import Path

import jsonschema
import yaml

from unigs.stage.bounds import fault
from unigs.stage.errors import UserError

VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "number", lambda _, value: fault(float, value, "") is None
    ),
)
"""JSON Schema 2020-12 without `.nan` and `.inf`, which YAML counts among the numbers."""


def check(value: object, schema: Path, what: str) -> None:
    """Stop if a value does not fit its schema.

    Args:
        value: mappings, lists and scalars, as YAML gives them.
        schema: YAML file with a JSON Schema (2020-12).
        what: name of the value; each mistake's line begins with it.

    Raises:
        UserError: the value does not fit; one line for each mistake.
    """
    with open(schema, encoding="utf-8") as file:
        rules = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    errors = VALIDATOR(rules).iter_errors(value)
    lines = [f"{what}: {e.json_path.removeprefix('$.')}: {_words(e)}" for e in errors]
    if lines:
        raise UserError("\n".join(lines))


def _words(error: jsonschema.ValidationError) -> str:
    """What is wrong, in words; names that a schema keeps for something else are called reserved."""
    reserved = isinstance(error.validator_value, dict) and error.validator_value.get("enum")
    if error.validator == "not" and reserved:
        return f"{error.instance!r} is reserved, like {', '.join(reserved)}: choose another name"
    return error.message
