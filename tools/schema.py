"""The settings dataclasses as the schema of the configuration, and as a table for its readers.

`python -m tools.schema` writes workflow/schemas/config.schema.yaml and the table in
config/README.md; a test fails when either is out of step with the dataclasses.

Each module of `unigs.settings` holds one settings dataclass and is one section of the
configuration, named like the module. A field's docstring is its description.
"""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import types
import typing
from pathlib import Path

import yaml

import unigs.settings
from tools.markers import fill

REPOSITORY = Path(__file__).parents[1]
SCHEMA = REPOSITORY / "workflow/schemas/config.schema.yaml"
README = REPOSITORY / "config/README.md"

RESERVED = ("source", "clip", "speech", "face", "regions", "body", "figures")
"""Folders that a subject has beside those of its variants."""
PER_VARIANT = ("static", "dynamic")
"""Sections that a variant may override; all others are shared by a subject's variants."""
NAME = "^[a-z0-9][a-z0-9_]*$"


def sections() -> dict[str, type]:
    """Section name -> settings dataclass, one for each module of `unigs.settings`."""
    found = {}
    for info in pkgutil.iter_modules(unigs.settings.__path__):
        module = importlib.import_module(f"unigs.settings.{info.name}")
        classes = [
            value
            for value in vars(module).values()
            if dataclasses.is_dataclass(value) and value.__module__ == module.__name__
        ]
        if len(classes) != 1:
            raise TypeError(f"{module.__name__} must define one dataclass, not {len(classes)}")
        found[info.name] = classes[0]
    return found


def descriptions(cls: type) -> dict[str, str]:
    """Field name -> the string that stands under the field in the class's source."""
    body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(cls))).body[0].body
    found = {}
    for field, text in zip(body, body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(inspect.cleandoc(text.value.value).split())
    return found


def json_type(annotation: object) -> dict:
    """The JSON schema of a scalar type, a Literal of strings, or one of these or None."""
    if typing.get_origin(annotation) is typing.Literal:
        return {"enum": list(typing.get_args(annotation))}
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        parts = typing.get_args(annotation)
        rest = [json_type(part) for part in parts if part is not types.NoneType]
        if len(rest) != 1 or len(parts) != 2:
            raise TypeError(f"a setting is one type, or one type or None, not {annotation}")
        if "enum" in rest[0]:
            return {"enum": [*rest[0]["enum"], None]}
        return {"type": [rest[0]["type"], "null"]}
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    if annotation not in names:
        raise TypeError(f"a setting must be a plain scalar, not {annotation}")
    return {"type": names[annotation]}


def section_schema(cls: type) -> dict:
    """The JSON schema of one section. Defaults stay in the dataclass: absent means default."""
    texts, hints = descriptions(cls), typing.get_type_hints(cls)
    return {
        "type": "object",
        "description": _about(cls),
        "additionalProperties": False,
        "properties": {
            field.name: {
                **json_type(hints[field.name]),
                "description": f"{texts.get(field.name, '')} Default: {_show(field.default)}.",
            }
            for field in dataclasses.fields(cls)
        },
    }


def config_schema() -> dict:
    """The schema of the whole configuration."""
    names = list(sections())
    variant = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "about": {"type": "string", "description": "What the variant shows, in a sentence."},
            "base": {
                "type": "string",
                "description": "The variant that this one changes. Without static settings of its "
                "own it also starts from that variant's static portrait.",
            },
            **{name: {"$ref": f"#/$defs/{name}"} for name in PER_VARIANT if name in names},
        },
    }
    chosen = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    table = {
        "type": "object",
        "additionalProperties": False,
        "required": ["variants"],
        "properties": {
            "about": {"type": "string", "description": "The caption."},
            "datasets": {**chosen, "description": "Data sets of the sheet; absent means all."},
            "variants": {**chosen, "minItems": 1, "description": "Variants, a row for each."},
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The configuration of the UniGS workflow",
        "type": "object",
        "additionalProperties": False,
        "required": ["subjects", "variants", "tables", "videos"],
        "properties": {
            "subjects": {"type": "string", "description": "The sheet of subjects."},
            "clip": {"type": "string", "description": "One video, used instead of the sheet."},
            "name": {"type": "string", "description": "The subject's name for `clip`."},
            "audio": {"type": "string", "description": "Sound file for `clip`, besides `videos`."},
            **{name: {"$ref": f"#/$defs/{name}"} for name in names},
            "variants": {
                "type": "object",
                "description": "Sparse overrides of the sections above, by name.",
                "minProperties": 1,
                "propertyNames": {"pattern": NAME, "not": {"enum": list(RESERVED)}},
                "additionalProperties": variant,
            },
            "tables": {
                "type": "object",
                "description": "What is trained and compared with what.",
                "propertyNames": {"pattern": NAME},
                "additionalProperties": table,
            },
            "videos": {
                "type": "object",
                "description": "Talking videos of every subject.",
                "additionalProperties": False,
                "required": ["variants", "audio"],
                "properties": {
                    "variants": chosen,
                    "audio": {
                        **chosen,
                        "description": "Names in resources/audio, or paths with a /.",
                    },
                },
            },
        },
        "$defs": {name: section_schema(cls) for name, cls in sections().items()},
    }


def schema_text() -> str:
    """What workflow/schemas/config.schema.yaml must hold."""
    head = "# Made by `make schema` from the dataclasses in unigs/settings: do not edit.\n"
    return head + yaml.safe_dump(config_schema(), sort_keys=False, width=100, allow_unicode=True)


def settings_table() -> str:
    """Every setting with its default and its meaning, as Markdown."""
    lines = []
    for name, cls in sections().items():
        texts = descriptions(cls)
        lines += [f"### `{name}`", "", _about(cls), ""]
        lines += ["| setting | default | meaning |", "|---|---|---|"]
        for field in dataclasses.fields(cls):
            text = texts.get(field.name, "").replace("|", "\\|")
            lines.append(f"| `{field.name}` | `{_show(field.default)}` | {text} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Write the schema and the table."""
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    README.write_text(fill(readme, "settings", settings_table()), encoding="utf-8")


def _about(cls: type) -> str:
    """What a section is about: the first line of its module and of its class."""
    module = inspect.getdoc(inspect.getmodule(cls)) or ""
    return f"{module.splitlines()[0]} {inspect.getdoc(cls).splitlines()[0]}"


def _show(value: object) -> str:
    """A default as YAML shows it."""
    if value == "":
        return '""'
    return yaml.safe_dump(value, default_flow_style=True).strip().removesuffix("...").strip()


if __name__ == "__main__":
    main()
