"""The settings dataclasses as schemas of the configuration and of the sheet, and as tables.

`python -m tools.schema` writes config.schema.yaml and subjects.schema.yaml in workflow/schemas and
the tables in config/README.md; a test fails when one is out of step with the dataclasses.

The sections of the configuration and their dataclasses stand in `unigs.workflow.sections`; the
fields of `Subject` are the columns of the sheet. A field's docstring is its description.
"""

import ast
import dataclasses
import inspect
import types
import typing
from pathlib import Path

import yaml

from tools.markers import fill
from unigs.pretrained.catalogue import models
from unigs.settings.subject import BESIDE_VARIANTS, NAME, PROVENANCE, SOURCES, Subject
from unigs.stage.bounds import hints, limits
from unigs.workflow.names import ALL
from unigs.workflow.sections import PER_VARIANT, SECTIONS

REPOSITORY = Path(__file__).parents[1]
CONFIG_SCHEMA = REPOSITORY / "workflow/schemas/config.schema.yaml"
SHEET_SCHEMA = REPOSITORY / "workflow/schemas/subjects.schema.yaml"
README = REPOSITORY / "config/README.md"

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def descriptions(cls: type) -> dict[str, str]:
    """Field name -> the string under the field in the source of the class or of a base."""
    found = {}
    for base in cls.__bases__:
        found |= descriptions(base) if base is not object else {}
    body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(cls))).body[0].body
    for field, text in zip(body, body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(inspect.cleandoc(text.value.value).split())
    return found


def json_type(annotation: object) -> dict:
    """The JSON schema of a scalar type, bounded or not, a Literal, or one of these or None."""
    if typing.get_origin(annotation) is typing.Annotated:
        plain = json_type(typing.get_args(annotation)[0])
        return plain | {key: x for limit in limits(annotation) for key, x in limit.schema().items()}
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
    texts = descriptions(cls)
    return {
        "type": "object",
        "description": _about(cls),
        "additionalProperties": False,
        "properties": {
            field.name: {
                **json_type(hints(cls)[field.name]),
                "description": f"{texts.get(field.name, '')} Default: {_show(field.default)}.",
            }
            for field in dataclasses.fields(cls)
        },
    }


def config_schema() -> dict:
    """The schema of the whole configuration."""
    variant = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "about": {"type": "string", "description": "What the variant shows, in a sentence."},
            "seeds": {
                "type": "array",
                "items": {"type": "integer", "minimum": 0},
                "uniqueItems": True,
                "description": "Further seeds with which the variant is trained, each a run of its "
                "own (NAME_seed1); tables add their mean, with intervals over frames and seeds.",
            },
            "base": {
                "type": "string",
                "description": "The variant that this one changes. Without static settings of its "
                "own it starts from that variant's static portrait; without dynamic ones, too, its "
                "portrait is that variant's, rendered and judged anew.",
            },
            **{name: {"$ref": f"#/$defs/{name}"} for name in PER_VARIANT},
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
            "variants": {
                **chosen,
                "minItems": 1,
                "description": "Variants and other systems (`renders`), a row for each.",
            },
            "over": {
                "type": "string",
                "pattern": r"^[a-z]+\.[a-z0-9_]+$",
                "description": "Setting in whose number the variants differ, as section.name "
                "(dynamic.iterations): the table gets a curve over it, too.",
            },
            "reference": {
                "type": "string",
                "description": "Variant from which the differences of the others are taken. "
                "Default: unigs_plus, unigs, or the first one.",
            },
        },
    }
    renders = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "about": {"type": "string", "description": "The system, in a sentence."},
            "invalid": {
                **chosen,
                "description": "Metrics that mean nothing for the system, as metrics.json names "
                "them, with all that begin with these words: psnr, ssim, lpips, lmd, sync_c.",
            },
            "pasted": {
                "type": "boolean",
                "description": "Whether the system shows pixels of the true frames, as of a torso; "
                "its rows say so. Default: false.",
            },
        },
    }
    return {
        "$schema": DRAFT,
        "title": "The configuration of the UniGS workflow",
        "type": "object",
        "additionalProperties": False,
        "required": ["subjects", "variants", "tables", "videos"],
        "properties": {
            "subjects": {"type": "string", "description": "The sheet of subjects."},
            "clip": {"type": "string", "description": "One video, used instead of the sheet."},
            "name": {"type": "string", "description": "The subject's name for `clip`."},
            "audio": {"type": "string", "description": "Sound file for `clip`, besides `videos`."},
            **{
                name: {"type": "string", "description": f"The sheet's column {name}, for `clip`."}
                for name in PROVENANCE
            },
            "replace": {
                "type": ["string", "array"],
                "items": {"type": "string"},
                "description": "Subjects whose results may be replaced by those of another video.",
            },
            "accept": {
                **chosen,
                "items": {"enum": [name for name, entry in models().items() if entry.terms]},
                "description": "Pretrained weights whose terms are accepted, by name "
                "(`unigs models` tells the terms); without it they are not fetched.",
            },
            **{name: {"$ref": f"#/$defs/{name}"} for name in SECTIONS},
            "variants": {
                "type": "object",
                "description": "Sparse overrides of the sections above, by name.",
                "minProperties": 1,
                "propertyNames": {"pattern": NAME, "not": {"enum": list(BESIDE_VARIANTS)}},
                "additionalProperties": variant,
            },
            "renders": {
                "type": "object",
                "description": "Other systems by name; their renders are resources/renders/NAME/"
                "SUBJECT.mp4 (or any video, or a folder of pictures), and are scored as ours are.",
                "propertyNames": {"pattern": NAME, "not": {"enum": list(BESIDE_VARIANTS)}},
                "additionalProperties": {"oneOf": [renders, {"type": "null"}]},
            },
            "tables": {
                "type": "object",
                "description": "What is trained and compared with what.",
                "propertyNames": {"pattern": NAME},
                "additionalProperties": table,
            },
            "run_tables": {
                **chosen,
                "type": ["string", "array"],
                "minItems": 1,
                "description": "The table that is made, or a list of tables in the order of the "
                f"page; {ALL}, or absent: every table.",
            },
            "voices": {
                "type": "object",
                "description": "The table of voices: what portraits make of other people's speech.",
                "additionalProperties": False,
                "required": ["variant"],
                "properties": {
                    "variant": {"type": "string", "description": "Whose portraits are judged."},
                    "rendered": {
                        **chosen,
                        "type": ["string", "array"],
                        "description": "Pairs portrait/voice of subjects whose videos are made and "
                        f"judged, or {ALL}; lips alone are judged for all pairs.",
                    },
                    "phones": {
                        "type": "object",
                        "description": "Name of a talking video -> file with the phone times of "
                        "its sound, as flite -psdur prints them; synthetic: the own phones of the "
                        "synthetic speaker.",
                        "additionalProperties": {"type": "string", "minLength": 1},
                    },
                },
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
                        "description": "Names in resources/audio, or paths with a /, in which "
                        "{subject} stands for the subject that speaks.",
                    },
                },
            },
        },
        "$defs": {name: section_schema(cls) for name, cls in SECTIONS.items()},
    }


def sheet_schema() -> dict:
    """The schema of a row of the sheet of subjects without its empty cells."""
    texts, columns = descriptions(Subject), dataclasses.fields(Subject)
    return {
        "$schema": DRAFT,
        "title": "A subject",
        "description": "A row of the sheet of subjects; empty cells count as absent.",
        "type": "object",
        "additionalProperties": False,
        "required": [column.name for column in columns if column.default is dataclasses.MISSING],
        "anyOf": [{"required": [name]} for name in SOURCES],
        "properties": {
            column.name: {"type": "string", **column.metadata, "description": texts[column.name]}
            for column in columns
        },
    }


def config_schema_text() -> str:
    """What workflow/schemas/config.schema.yaml must hold."""
    return _yaml(config_schema(), "the dataclasses in unigs/settings")


def sheet_schema_text() -> str:
    """What workflow/schemas/subjects.schema.yaml must hold."""
    return _yaml(sheet_schema(), "the dataclass in unigs/settings/subject.py")


def sheet_table() -> str:
    """Every column of the sheet of subjects with its meaning, as Markdown."""
    texts = descriptions(Subject)
    rows = [
        f"| `{field.name}` | {_cell(texts[field.name])} |" for field in dataclasses.fields(Subject)
    ]
    return "\n".join(["| column | meaning |", "|---|---|", *rows])


def settings_table() -> str:
    """Every setting with its default, what is allowed, and its meaning, as Markdown."""
    lines = []
    for name, cls in SECTIONS.items():
        texts = descriptions(cls)
        lines += [f"### `{name}`", "", _about(cls), ""]
        lines += ["| setting | default | allowed | meaning |", "|---|---|---|---|"]
        for field in dataclasses.fields(cls):
            text = _cell(texts.get(field.name, ""))
            allowed = _cell(_allowed(hints(cls)[field.name]))
            lines.append(f"| `{field.name}` | `{_show(field.default)}` | {allowed} | {text} |")
        lines.append("")
    return "\n".join(lines)


def readme_text(old: str) -> str:
    """What config/README.md must hold: `old` with both tables made anew."""
    return fill(fill(old, "columns", sheet_table()), "settings", settings_table())


def main() -> None:
    """Write the schemas and the tables."""
    CONFIG_SCHEMA.write_text(config_schema_text(), encoding="utf-8")
    SHEET_SCHEMA.write_text(sheet_schema_text(), encoding="utf-8")
    README.write_text(readme_text(README.read_text(encoding="utf-8")), encoding="utf-8")


def _yaml(schema: dict, source: str) -> str:
    head = f"# Made by `make schema` from {source}: do not edit.\n"
    return head + yaml.safe_dump(schema, sort_keys=False, width=100, allow_unicode=True)


def _cell(text: str) -> str:
    """A text as the cell of a Markdown table."""
    return text.replace("|", "\\|")


def _allowed(annotation: object) -> str:
    """The values that a setting may have, in words; empty where its type says all."""
    if typing.get_origin(annotation) is typing.Literal:
        return ", ".join(map(str, typing.get_args(annotation)))
    if annotation is bool:
        return "true, false"
    return ", ".join(limit.text() for limit in limits(annotation))


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
