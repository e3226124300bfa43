"""Code words are of all modules that a stage imports, and change with what these do alone."""

import ast
import json
from pathlib import Path

import pytest

from unigs.workflow import fingerprint, source_facts
from unigs.workflow.fingerprint import SETTINGS, TALK, closure, code_words, content_words, file_of

CACHES = (fingerprint.file_of, fingerprint.closure, fingerprint._facts)


def forget() -> None:
    for cache in CACHES:
        cache.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write files of a package that stands in for `unigs`."""
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path)

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        forget()
        return tmp_path

    yield write
    forget()


def named(module: str) -> set[str]:
    """Modules of which a stage's words tell."""
    return {word.split(":")[0] for word in code_words(module)}


def test_imports_inside_functions_are_followed(package):
    package(
        {
            "__init__.py": '"""Empty."""',
            "a.py": "def f():\n    from unigs.b import c\n    from unigs.stage import cli",
            "b/__init__.py": '"""Empty."""',
            "b/c.py": "from unigs import d\nfrom other import e",
            "stage/__init__.py": '"""Empty."""',
            "stage/cli.py": "import unigs.e",
            "d.py": "from unigs.settings.f import F",
            "e.py": "x = 1",
            "settings/__init__.py": "",
            "settings/f.py": "F = 1",
        }
    )
    assert named("unigs.a") == {"unigs.a", "unigs.b.c", "unigs.d"}
    with pytest.raises(ModuleNotFoundError):
        code_words("unigs.missing")


def test_a_package_with_code_belongs_to_its_modules(package):
    package({"__init__.py": "", "b/__init__.py": '"""Doc."""\nx = 1', "b/c.py": "y = 2"})
    assert named("unigs.b.c") == {"unigs.b", "unigs.b.c"}


def test_circles_end(package):
    package({"a.py": "import unigs.b", "b.py": "import unigs.a"})
    assert code_words("unigs.a") == code_words("unigs.b")
    assert named("unigs.a") == {"unigs.a", "unigs.b"}


CODE = '''"""About."""
LIMIT = 1.0
"""What it limits."""


class A:
    """A class."""

    size: int = 3
    """Its size."""

    def f(self, x, y=None):
        """Do it."""
        return {None: x, **y} if x < LIMIT else "text"
'''


@pytest.mark.parametrize(
    "old, new",
    [
        ('"""About."""', '"""About it,\nat length."""'),
        ('"""About."""\n', ""),
        ('"""What it limits."""', '"""What else."""'),
        ('    """Its size."""\n', ""),
        ('        """Do it."""\n', "        # Do it.\n\n"),
        ("LIMIT = 1.0", "LIMIT = (1.00)  # meters"),
        ("x, y=None", "x,\n            y=None,\n        "),
        ('"""About."""\n', '__version__ = "2"\n'),
        ('"text"', "'text'"),
    ],
)
def test_words_about_code_are_not_counted(package, old, new):
    package({"a.py": CODE})
    before = code_words("unigs.a")
    assert old in CODE
    package({"a.py": CODE.replace(old, new)})
    assert code_words("unigs.a") == before


@pytest.mark.parametrize(
    "old, new",
    [
        ("1.0", "1.5"),
        ("1.0", "1"),
        ("size: int", "size: float"),
        ("size", "sizes"),
        ("y=None", "y=0"),
        ("y=None", "y"),
        ("None: x", "0: x"),
        ("x < LIMIT", "LIMIT < x"),
        ("x < LIMIT", "x <= LIMIT"),
        ('"text"', '"Text"'),
        ('"text"', "None"),
        ("self, x, y", "self, *, x, y"),
        ("class A:", "class A(int):"),
    ],
)
def test_code_that_means_something_else_has_another_word(package, old, new):
    package({"a.py": CODE})
    before = code_words("unigs.a")
    assert old in CODE
    package({"a.py": CODE.replace(old, new)})
    assert code_words("unigs.a") != before and named("unigs.a") == {"unigs.a"}


def test_words_do_not_tell_where_the_package_lies(package, tmp_path, monkeypatch):
    package({"a.py": CODE})
    here = code_words("unigs.a")
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/a.py").write_text(CODE)
    monkeypatch.setattr(fingerprint, "PACKAGE", tmp_path / "deep/er")
    forget()
    assert code_words("unigs.a") == here


def test_contents_are_compared_byte_for_byte(tmp_path):
    for folder, text in (("one", "a"), ("two", "a"), ("three", "b")):
        (tmp_path / folder).mkdir()
        for name in ("x.html", "y.css"):
            (tmp_path / folder / name).write_text(text)
    one, two, three = (content_words((tmp_path / f).iterdir()) for f in ("one", "two", "three"))
    assert one == two != three
    assert [word.split(":")[0] for word in one] == ["x.html", "y.css"]


def test_what_is_not_counted_exists():
    assert all(file_of(module) for module in {*TALK, SETTINGS})
    assert "unigs.stage" in closure("unigs.sources.fetch")


def no_parsing(text, filename):
    raise AssertionError(f"{filename} was read again")


def test_the_next_process_reads_what_has_changed_alone(package, monkeypatch):
    folder = package({"a.py": "import unigs.b", "b.py": "x = 1", "c.py": "y = 1"})
    before = code_words("unigs.a"), code_words("unigs.c")
    package({"c.py": "y = 2"})  # as long as before, and within the clock's grain
    with monkeypatch.context() as patch:
        patch.setattr(ast, "parse", no_parsing)
        assert code_words("unigs.a") == before[0]
        with pytest.raises(AssertionError, match=str(folder / "c.py")):
            code_words("unigs.c")
    forget()
    assert code_words("unigs.c") != before[1]
    package({"b.py": "import unigs.c\nx = 1"})
    assert named("unigs.a") == {"unigs.a", "unigs.b", "unigs.c"}
    assert [path.name for path in (folder / "__pycache__").iterdir()] == ["source_facts.json"]


@pytest.mark.parametrize(
    "left",
    [
        "",
        "[]",
        "{}",
        '{"made_by": null, "facts": {}}',
        '{"made_by": ["another module", "3.11"], "facts": WRONG}',
    ],
)
def test_what_another_version_left_is_not_believed(package, left):
    folder = package({"a.py": CODE})
    words = code_words("unigs.a")
    kept = folder / "__pycache__/source_facts.json"
    wrong = json.loads(kept.read_text())["facts"]
    wrong[str(folder / "a.py")][2] = "0" * source_facts.DIGITS
    kept.write_text(left.replace("WRONG", json.dumps(wrong)))
    forget()
    assert code_words("unigs.a") == words


def test_nothing_is_kept_where_nothing_can_be_written(package):
    folder = package({"a.py": CODE, "__pycache__": "a file in the folder's place"})
    words = code_words("unigs.a")
    forget()
    assert code_words("unigs.a") == words and (folder / "__pycache__").is_file()
