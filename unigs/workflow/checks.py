"""What people configure, compared with its schema before anything runs."""

import contextlib
import difflib
from pathlib import Path

import jsonschema
import yaml

from unigs.settings.subject import NAME
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
    lines = [": ".join(filter(None, [what, e.json_path[2:], _words(e)])) for e in errors]
    if lines:
        raise UserError("\n".join(lines))


def _words(error: jsonschema.ValidationError) -> str:
    """What is wrong, in words; names that a schema keeps for something else are called reserved."""
    reserved = isinstance(error.validator_value, dict) and error.validator_value.get("enum")
    if error.validator == "not" and reserved:
        return f"{error.instance!r} is reserved, like {', '.join(reserved)}: choose another name"
    return f"{error.message}{_advice(error)}"


def _advice(error: jsonschema.ValidationError) -> str:
    """What to do about a mistake, as the end of a sentence; empty where the message says it."""
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        strange = [name for name in error.instance if name not in known]
        close = difflib.get_close_matches(str(strange[0]), known, n=1)
        return f": did you mean {close[0]}?" if close else f": known are {', '.join(known)}"
    if error.validator == "pattern" and error.validator_value.strip("^$") == NAME.strip("^$"):
        return ": small letters, digits and _ are allowed, like jo_ann_2"
    if error.validator == "type" and isinstance(error.instance, str):
        with contextlib.suppress(ValueError):
            number = _number(error.instance)
            if number == error.instance:  # in quotes, or within braces after --config
                return f": it is text, write {number} without quotes, in a file for --configfile"
            return f": YAML reads it as text, write {number}"
    return ""


def _number(text: str) -> str:
    """A number as YAML reads it as one: with a point before an exponent.

    Raises:
        ValueError: it is none.
    """
    number = text if text.isdecimal() else repr(float(text))
    return number if "." in number else number.replace("e", ".0e")
