"""Docs that cannot lag: the reference is written from the code, links lead somewhere, and what the guides say can be done."""

import json
import re
import shlex
import tomllib

import click
import pytest
from tests.house.reading import ROOT, listing, modules
from tools import make_reference
from tools.code_slugs import find_slugs

from radcommons.apps import cli

PROSE = sorted(path for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")) if "_build" not in path.parts)
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)#\s]+)(#[^)\s]+)?\)|!\[[^\]]*\]\(([^)\s]+)\)")
# Pictures that are taken of the running demonstration.
TAKEN_LATER = {"portal.png"}


@pytest.mark.parametrize("name", sorted(make_reference.PAGES))
def test_the_reference_is_what_the_code_says(name):
    path = ROOT / "docs" / "reference" / name

    assert path.exists(), f"run python -m tools.make_reference and commit docs/reference/{name}"
    message = f"docs/reference/{name} is out of date: run python -m tools.make_reference"
    assert path.read_text(encoding="utf-8") == make_reference.text_of(name), message


def test_every_code_has_a_sentence():
    problems = [f"{slug.code} in {slug.place}" for slug in find_slugs() if not slug.sentence]

    assert not problems, listing(problems, "A code needs a sentence beside it, or in tools/code_slugs.py:")


def test_every_setting_has_a_meaning():
    text = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    problems = [line for line in text.splitlines() if line.startswith("| `") and line.rstrip().endswith("| |")]

    assert not problems, listing(problems, "Describe the setting in the docstring of Settings:")


def commands():
    """Every command with its whole name."""

    def below(command, name):
        yield name, command
        if isinstance(command, click.Group):
            for inner, value in command.commands.items():
                yield from below(value, (*name, inner))

    for name, entry in cli.COMMANDS.items():
        module = __import__(entry.module, fromlist=["_"])
        yield from below(getattr(module, entry.attribute), (name,))


def test_every_command_and_option_says_what_it_is_for():
    problems = []
    for name, command in commands():
        if not (command.help or "").strip():
            problems.append(" ".join(name))
        problems += [
            f"{' '.join(name)} {parameter.opts[0]}"
            for parameter in command.params
            if isinstance(parameter, click.Option) and not parameter.hidden and not parameter.help
        ]
    assert not problems, listing(problems, "Give the command a docstring and the option a help text:")


def command_lines():
    """Every `radcommons …` line in the fenced shell blocks of the docs."""
    for path in PROSE:
        for language, block in FENCE.findall(path.read_text(encoding="utf-8")):
            if language not in {"bash", "sh", "shell", "console"}:
                continue
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                words = line.strip().removeprefix("$ ")
                if words.startswith("radcommons "):
                    yield path.name, words


def test_commands_in_the_docs_exist_with_their_options():
    known = dict(commands())
    problems = []
    for page, line in command_lines():
        words = shlex.split(line, comments=True)[1:]
        name = tuple(word for index, word in enumerate(words) if tuple(words[: index + 1]) in known)
        if not name:
            problems.append(f"{page}: {line}")
            continue
        options = {
            option for parameter in known[name].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        used = {word.split("=")[0] for word in words[len(name) :] if re.match(r"--?[a-z]", word)}
        problems += [f"{page}: {line} ({option}?)" for option in sorted(used - options - {"--help", "--data"})]
    assert not problems, listing(problems, "The docs name commands or options that do not exist:")


def test_python_examples_in_the_docs_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    problems = []
    for path in PROSE:
        for number, (language, block) in enumerate(FENCE.findall(path.read_text(encoding="utf-8")), start=1):
            place = f"{path.name}, block {number}"
            try:
                if language == "python":
                    exec(compile(block, place, "exec"), {"__name__": "example"})  # noqa: S102  what the docs show must run
                elif language == "toml":
                    tomllib.loads(block)
                elif language == "json":
                    json.loads(block)
            except Exception as error:  # noqa: BLE001  whatever goes wrong is the answer
                problems.append(f"{place}: {type(error).__name__}: {error}")
    assert not problems, listing(problems, "Examples must run as they are:")


def test_links_in_the_docs_lead_somewhere():
    problems = []
    for path in PROSE:
        for target, _, picture in LINK.findall(path.read_text(encoding="utf-8")):
            wanted = target or picture
            if re.match(r"[a-z]+:", wanted) or wanted.rpartition("/")[2] in TAKEN_LATER:
                continue
            if not (path.parent / wanted).exists():
                problems.append(f"{path.relative_to(ROOT)}: {wanted}")
    assert not problems, listing(problems, "Links to nowhere:")


def test_decisions_are_numbered_without_gaps():
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))]

    assert numbers == list(range(1, len(numbers) + 1))


def test_rooms_and_packages_are_on_the_architecture_page():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    names = {module.path.parent.name for module in modules() if module.path.name == "__init__.py"}
    rooms = {path.parent.name for path in (ROOT / "src/radcommons/server").glob("*/apps.py")}
    floors = {path.parent.name for path in (ROOT / "src/radcommons").glob("*/__init__.py")}
    problems = sorted(
        name for name in (rooms | floors) & names if f"`{name}`" not in text and f"`server.{name}`" not in text
    )

    assert not problems, listing(problems, "ARCHITECTURE.md says nothing of:")
