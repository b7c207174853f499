"""The documentation speaks of what exists: its modules, records, links and commands, and its examples run."""

import doctest
import importlib.util
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest
import typer
from docs.generate import (
    EMITTED_BY,
    SECTIONS,
    STREAM_SCHEMAS,
    on_page_markdown,
    published_examples,
    renewed,
    schema_file,
    sections_in,
)
from docs.picture import PICTURE, picture

from exitbrain.domain.levels.guard_rules import GUARDS, RULES
from exitbrain.domain.values import Unit
from exitbrain.infrastructure.cli.commands import app
from exitbrain.infrastructure.cli.main import run
from exitbrain.infrastructure.event_store.mapper import STORED_CLASSES
from exitbrain.infrastructure.presentation.json import RESULTS
from exitbrain.infrastructure.settings import Settings
from exitbrain.infrastructure.wire.published import Published
from exitbrain.infrastructure.wire.published_shapes import SHAPES
from exitbrain.infrastructure.wire.published_shapes import schema_file as schema_of_shape
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests.architecture.source import ROOT
from tests.names import INCOMING
from tests.world import THIS

DOCS = ROOT / "docs"
ADRS = sorted((DOCS / "adr").glob("[0-9]*.md"))
ROOT_PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = [*ROOT_PAGES, *sorted(DOCS.rglob("*.md"))]
WITH_EXAMPLES = [page for page in PAGES if "```console\n" in page.read_text(encoding="utf-8")]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_MODULE = re.compile(r"`(exitbrain(?:\.[a-z_0-9]+)+)`")
_SOURCE_PATH = re.compile(r"`((?:domain|application|infrastructure)/[\w/]+\.py)`")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return [text for kind, text in _FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def examples(page: Path) -> Iterator[tuple[str, str]]:
    """Yield each command of the console blocks of a page, with the output that the page shows."""
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, output


def write_files_of(page: Path) -> None:
    """Write what the reader is to save in the working folder: Python blocks that begin with a file name."""
    for block in blocks(page, "python"):
        if named := re.match(r"# (\w+\.py)\n", block):
            Path(named[1]).write_text(block, encoding="utf-8")


def run_example(command: str, last_code: int) -> int:
    """Run one command of an example in the working folder and return its exit code."""
    if command == "echo $?":
        sys.stdout.write(f"{last_code}\n")
        return 0
    words = shlex.split(command)
    if words[0] == "exitbrain":
        return run(words[1:])
    return subprocess.run(["bash", "-c", command], check=False).returncode


def same_output(shown: str, printed: str) -> bool:
    """Return whether a page shows what was printed, `...` standing for anything; spaces at line ends do not count."""

    def stripped(text: str) -> str:
        return "".join(f"{line.rstrip()}\n" for line in text.splitlines())

    return doctest.OutputChecker().check_output(stripped(shown), stripped(printed), doctest.ELLIPSIS)


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name_of)
def test_the_examples_of_a_page_print_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"EXITBRAIN_{name.upper()}", raising=False)
    Path("docs").symlink_to(DOCS)
    write_files_of(page)
    code, wrong = 0, []
    for command, shown in examples(page):
        code = run_example(command, code)
        printed = "".join(capfd.readouterr())
        failed_unseen = code > 1 and shown.strip() in ("", "...")
        if failed_unseen or not same_output(shown, printed):
            wrong.append(f"$ {command}\nshown:\n{shown}\nprinted:\n{printed}")

    assert not wrong, "\n".join(wrong)


def test_the_library_example_of_the_readme_runs(tmp_path: Path) -> None:
    (example,) = blocks(ROOT / "README.md", "python")

    result = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr
    assert "Disposition.ACCEPTED" in result.stdout


def test_an_example_that_shows_another_output_is_noticed() -> None:
    assert same_output("a\n...\nz\n", "a  \nb\nz\n")
    assert not same_output("a\n...\ny\n", "a\nb\nz\n")


@cache
def commands() -> dict[str, set[str]]:
    """Return every command by its name, with its options."""
    found: dict[str, set[str]] = {}

    def collect(prefix: str, command: object) -> None:
        found[prefix] = {name for each in getattr(command, "params", []) for name in each.opts} | {"--help"}
        for name, inner in getattr(command, "commands", {}).items():
            collect(f"{prefix} {name}".strip(), inner)

    collect("", typer.main.get_command(app))
    return found


def command_lines(page: Path) -> list[str]:
    """Return everything a page would have a reader type that begins with `exitbrain `."""
    in_blocks = [
        line.removeprefix("$ ")
        for block in _FENCE.findall(page.read_text(encoding="utf-8"))
        for line in block[1].splitlines()
    ]
    candidates = [*_CODE.findall(prose(page)), *in_blocks]
    return [line for line in candidates if re.match(r"exitbrain (-|[a-z]+\b)", line) and "│" not in line]


def mistakes_in(line: str) -> list[str]:
    """Return what of a command line the command line does not know."""
    known = commands()
    words = [word for word in line.partition("#")[0].split()[1:] if word]
    path = ""
    while words and f"{path} {words[0]}".strip() in known:
        path = f"{path} {words.pop(0)}".strip()
    groups = {name.rpartition(" ")[0] for name in known if name}
    if path in groups and words and not words[0].startswith("-") and words[0] != "COMMAND":
        return [f"{line}: no command {words[0]}"]
    options = [word.partition("=")[0].strip("[]()") for word in words]
    return [
        f"{line}: no option {word}" for word in options if word.startswith("--") and word not in known[path]
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_command_lines_of_a_page_exist(page: Path) -> None:
    skip = re.compile(r"exitbrain [\d.]+ ?|exitbrain [\d.]+,")
    wrong = [mistake for line in command_lines(page) if not skip.match(line) for mistake in mistakes_in(line)]

    assert wrong == []


@pytest.mark.parametrize(
    "line", ["exitbrain seal", "exitbrain audit verify", "exitbrain replay --speed fast"]
)
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    assert mistakes_in(line)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    targets = [
        link.partition("#")[0] for link in _LINK.findall(prose(page)) if not re.match(r"[a-z]+:", link)
    ]
    missing = [target for target in targets if target and not (page.parent / target).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_modules_a_page_names_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [path for path in _SOURCE_PATH.findall(text) if not (ROOT / path).exists()]
    missing += [name for name in _MODULE.findall(text) if name not in SHAPES and not is_importable(name)]

    assert missing == []


def is_importable(dotted: str) -> bool:
    """Return whether a dotted name is a module, or something that a module holds."""
    module, _, attribute = dotted.rpartition(".")
    try:
        held = importlib.import_module(module)
        return hasattr(held, attribute) or importlib.util.find_spec(dotted) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize(
    "dotted", ["exitbrain.domain.exits", "exitbrain.missing.module", "exitbrain.domain.algebra.logarithm"]
)
def test_a_module_that_does_not_exist_is_noticed(dotted: str) -> None:
    assert not is_importable(dotted)


def test_every_term_of_the_glossary_names_the_module_where_it_lives() -> None:
    rows = [
        line
        for line in (DOCS / "glossary.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    terms = [row for row in rows if row != "| term | meaning | where |"]

    assert len(terms) > 40
    assert [row for row in terms if not re.search(r"\| \[(\w[\w/]+\.py)\]\(\.\./\1\) \|$", row)] == []


def test_every_decision_record_is_listed_numbered_and_has_its_four_headings() -> None:
    index = (DOCS / "adr" / "README.md").read_text(encoding="utf-8")
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")

    for number, record in enumerate(ADRS, start=1):
        text = record.read_text(encoding="utf-8")
        title = text.partition("\n")[0].removeprefix(f"# {number}. ")
        assert record.name.startswith(f"{number:04}-"), record.name
        assert f"| {number} | [{title}]({record.name}) |" in index
        assert f"- adr/{record.name}\n" in navigation
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
            "Status",
            "Context",
            "Decision",
            "Consequences",
        ]


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")

    missing = [
        str(page.relative_to(DOCS))
        for page in DOCS.rglob("*.md")
        if f" {page.relative_to(DOCS)}\n" not in navigation
    ]
    assert missing == []


def test_every_generated_section_is_asked_for_once_and_exists() -> None:
    asked = [name for page in DOCS.rglob("*.md") for name in sections_in(page.read_text(encoding="utf-8"))]

    assert sorted(asked) == sorted(SECTIONS)


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=name_of)
def test_the_generated_sections_of_a_page_are_as_the_code_gives_them(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert text == renewed(text), "stale: python docs/generate.py renews it"


@pytest.mark.parametrize("section", ["", "\n\nan old table\n\n<!-- end of flag_words -->"])
def test_a_generated_section_is_written_between_its_marks(section: str) -> None:
    page = renewed(f"before\n\n<!-- generated: flag_words -->{section}\n\nafter")

    assert page == (
        f"before\n\n<!-- generated: flag_words -->\n\n{SECTIONS['flag_words']()}\n\n"
        "<!-- end of flag_words -->\n\nafter"
    )
    assert renewed(page) == page


def test_the_site_folds_what_a_page_folds_and_links_the_schema_files() -> None:
    page = "`schemas/levels.json`\n\n<details><summary>As stored</summary>\n\n```json\n{}\n```\n\n</details>"

    assert on_page_markdown(page) == (
        '[schemas/levels.json](schemas/levels.json)\n\n??? example "As stored"\n\n    ```json\n    {}\n    ```'
    )


def test_the_event_catalogue_tells_of_every_stored_class_and_who_emits_it() -> None:
    assert list(EMITTED_BY) == [stored.cls for stored in STORED_CLASSES]

    page = on_page_markdown((DOCS / "events.md").read_text(encoding="utf-8"))

    for stored in STORED_CLASSES:
        assert f"## {stored.cls.__name__}\n\nTopic `{stored.cls.TOPIC}`, version {stored.version}." in page
    anchors = {heading.lower() for heading in re.findall(r"^##+ (\w+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\(#(\w+)\)", page)) <= anchors


def test_the_schema_page_tells_of_every_report() -> None:
    page = on_page_markdown((DOCS / "schemas.md").read_text(encoding="utf-8"))

    for command in RESULTS:
        assert f"## exitbrain {command}\n\n[{schema_file(command)}]" in page


@pytest.mark.parametrize("section", SECTIONS)
def test_no_generated_paragraph_is_indented_as_code(section: str) -> None:
    assert re.findall(r"\n\n {4}.*", _FENCE.sub("", SECTIONS[section]())) == []


def test_the_page_of_streams_tells_of_every_event_type_with_an_example() -> None:
    examples = published_examples()
    page = on_page_markdown((DOCS / "streams.md").read_text(encoding="utf-8"))

    for event_type, shape in SHAPES.items():
        assert f"## {event_type}\n\n[{STREAM_SCHEMAS}/{schema_of_shape(event_type)}]" in page
        assert isinstance(msgspec.json.decode(examples[event_type].fields["payload"], type=shape), shape)
        assert f'"event_type": "{event_type}"' in page
    anchors = {heading.lower() for heading in re.findall(r"^##+ (\w+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\(#(\w+)\)", page)) <= anchors


def test_the_page_of_streams_names_every_stream_and_every_event_type() -> None:
    text = (DOCS / "streams.md").read_text(encoding="utf-8")
    language = Published(THIS, lambda _: Unit.PERCENT, WireTranslator())

    assert [name for name in (*INCOMING, *language.streams) if f"| `{name}` |" not in text] == []
    assert [one for one in SHAPES if f"| `{one}` |" not in text and f'| "{one}" |' not in text] == []


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("[domain/messages/claim.py](../../domain/messages/claim.py)", "domain/messages/claim.py"),
        ("[Settings in the README](../README.md#settings)", "Settings in the README"),
        ("[ADR](adr/README.md)", "[ADR](adr/README.md)"),
    ],
)
def test_a_link_to_a_file_outside_the_site_is_its_text_there(link: str, text: str) -> None:
    assert on_page_markdown(f"see {link}.") == f"see {text}."


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=name_of)
def test_the_links_of_the_site_stay_in_it(page: Path) -> None:
    links = _LINK.findall(on_page_markdown(prose(page)))
    targets = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]

    assert [link for link in targets if not (page.parent / link).resolve().is_relative_to(DOCS)] == []


def test_the_page_of_guards_has_a_row_for_every_guard() -> None:
    page = on_page_markdown((DOCS / "guards.md").read_text(encoding="utf-8"))

    assert [guard for guard in GUARDS if f"| `{guard}` | {RULES[guard].passes} |" not in page] == []


def test_the_readme_is_short_and_its_picture_is_what_the_script_draws() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 200
    assert PICTURE.read_text(encoding="utf-8") == picture(), "stale: python docs/picture.py draws it anew"


def test_the_page_of_settings_lists_every_setting_with_its_default() -> None:
    text = (DOCS / "settings.md").read_text(encoding="utf-8")

    for name, field in Settings.model_fields.items():
        default = (
            "none"
            if field.default is None
            else f"`{field.default:g}`"
            if isinstance(field.default, float)
            else f"`{field.default}`"
        )
        assert f"| `{name.upper()}` | {default} |" in text
