"""Names and prose: words that bind, words that are banned, docstrings, comments, leftovers."""

import ast
import io
import re
import tokenize

import pytest
from tests.house.reading import ROOT, functions, listing, modules, tracked_files

BANNED_MODULES = {
    "utils", "util", "helpers", "helper", "common", "core", "misc", "base", "manager", "managers", "controller",
    "controllers", "handler", "handlers", "processor", "stuff", "new", "v2", "model", "service",
}  # fmt: skip
BANNED_CLASS_ENDINGS = ("Manager", "Controller", "Helper", "Util", "Utils", "Processor")
# Where Django or the format of a third party chose the name.
FRAMEWORK_CLASSES = {"BaseUserManager", "UserManager"}
TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".html",
    ".js",
    ".css",
    ".txt",
    ".yml",
    ".yaml",
    ".json",
    ".ini",
    ".cfg",
    ".lock",
    "",
}
LEFTOVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/[a-z]+)/[\w.-]+|/tmp/" + r"(?:plan|bash_jobs|issue)")
REGISTRY = re.compile(
    r"https?://(?:[\w.-]+\.)?(?:pythonhosted\.org|pypi\.[a-z.]+|registry\.npmjs\.org|registry\.[\w.-]+|[\w.-]*artifactory[\w.-]*|[\w.-]*nexus[\w.-]*)"
)
ANONYMISE = re.compile(r"anonymi[sz]e", re.IGNORECASE)
# Other people's packages and functions are called what they are called.
FOREIGN_NAMES = re.compile(
    r"dicom[-_]?anonymizer|anonymize_(?:dicom_file|dataset)|dicognito\.anonymizer import Anonymizer|dicognito\.anonymize\(",
    re.IGNORECASE,
)
DOCSTRING_SHARE, COMMENT_SHARE = 0.95, 0.08


def texts():
    """Every tracked text file that people wrote."""
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if (
            path.suffix in TEXT_SUFFIXES
            and "static/vendor/" not in name
            and path.exists()
            and path.stat().st_size < 2_000_000
        ):
            yield name, path.read_text(encoding="utf-8", errors="replace")


def test_module_names_say_what_is_in_them():
    problems = [module.name for module in modules() if module.path.stem in BANNED_MODULES]
    problems += [module.name for module in modules() if BANNED_MODULES & set(module.path.relative_to(ROOT).parts[2:-1])]

    assert not problems, listing(problems, "A module is named by a noun of GLOSSARY.md, not by a drawer:")


def test_class_names_say_what_they_are():
    problems = [
        f"{module.at(node)} {node.name}"
        for module in modules()
        for node in module.walk(ast.ClassDef)
        if node.name.endswith(BANNED_CLASS_ENDINGS) and node.name not in FRAMEWORK_CLASSES
    ]
    assert not problems, listing(problems, "A class is not a manager, controller, helper or processor:")


def test_exceptions_end_in_error():
    problems = []
    for module in modules():
        for node in module.walk(ast.ClassDef):
            bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
            if any(base.endswith(("Error", "Exception")) for base in bases) and not node.name.endswith("Error"):
                problems.append(f"{module.at(node)} {node.name}")
    assert not problems, listing(problems, "The name of an exception ends in Error:")


def test_nothing_is_left_over():
    problems = [
        f"{name}:{number}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if LEFTOVER.search(line)
    ]
    assert not problems, listing(problems, "Finish it, or open an issue; no marks are left in the code:")


def test_stubs_are_not_left_over():
    problems = []
    for module in modules():
        for function in functions(module):
            body = function.body[1:] if ast.get_docstring(function) else function.body
            raises = [node for node in body if isinstance(node, ast.Raise) and "NotImplemented" in ast.unparse(node)]
            problems += [module.at(node) for node in raises]
    assert not problems, listing(problems, "A function that does nothing is not written yet:")


def test_no_machine_path_stands_in_a_tracked_file():
    problems = [
        f"{name}:{number}: {match.group()}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if (match := MACHINE_PATH.search(line))
    ]
    assert not problems, listing(problems, "The project runs on every machine; name no path of one:")


def test_no_registry_host_stands_in_a_tracked_file():
    problems = [
        f"{name}:{number}: {match.group()}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if (match := REGISTRY.search(line))
    ]
    assert not problems, listing(problems, "Packages come through their ordinary clients; name no registry:")


def test_we_de_identify_and_never_promise_more():
    allowed = ("GLOSSARY.md", "tests/house/")
    problems = [
        f"{name}:{number}"
        for name, text in texts()
        if not name.startswith(allowed) and name.endswith((".py", ".md", ".html"))
        for number, line in enumerate(text.splitlines(), start=1)
        if ANONYMISE.search(FOREIGN_NAMES.sub("", line)) and "RSNA" not in line and "DICOM Anonymizer" not in line
    ]
    assert not problems, listing(problems, "The word is de-identify (PS3.15); the other is a claim nobody can prove:")


def test_every_function_is_annotated():
    problems = []
    for module in modules():
        for function in functions(module):
            given = function.args
            names = [
                arg for arg in (*given.posonlyargs, *given.args, *given.kwonlyargs) if arg.arg not in {"self", "cls"}
            ]
            names += [arg for arg in (given.vararg, given.kwarg) if arg]
            if function.returns is None or any(arg.annotation is None for arg in names):
                problems.append(f"{module.at(function)} {function.name}")
    assert not problems, listing(problems, "Annotate every parameter and result:")


def public_names(module):
    """The module and what it offers: classes, functions and methods without a leading underscore."""
    yield module.tree, module.name
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node, f"{module.at(node)} {node.name}"
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and not inner.name.startswith("_"):
                    yield inner, f"{module.at(inner)} {node.name}.{inner.name}"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node, f"{module.at(node)} {node.name}"


def is_described_elsewhere(node) -> bool:
    """Whether a name needs no docstring of its own: an override, or one form of an overloaded function."""
    names = {ast.unparse(decorator).split(".")[-1] for decorator in getattr(node, "decorator_list", [])}
    return bool(names & {"override", "overload"})


def test_public_names_have_docstrings():
    offered = [
        (node, name) for module in modules() for node, name in public_names(module) if not is_described_elsewhere(node)
    ]
    bare = [name for node, name in offered if not ast.get_docstring(node)]
    share = 1 - len(bare) / len(offered)

    assert share >= DOCSTRING_SHARE, listing(
        bare, f"{share:.1%} of the public names have docstrings, {DOCSTRING_SHARE:.0%} must:"
    )


def test_every_module_says_why_it_exists():
    problems = [module.name for module in modules() if module.text.strip() and not ast.get_docstring(module.tree)]
    assert not problems, listing(problems, "Begin the file with a docstring that says what it is for:")


def test_first_line_of_a_docstring_stands_alone():
    problems = []
    for module in modules():
        for node, name in public_names(module):
            lines = (ast.get_docstring(node) or "").splitlines()
            if len(lines) > 1 and lines[1].strip():
                problems.append(name)
    assert not problems, listing(
        problems, "The first line of a docstring is a whole sentence, followed by an empty line:"
    )


def test_names_of_people_keep_to_their_place_in_a_line():
    """A name in Arabic or Hebrew turns the order of what stands beside it, unless it is isolated or alone at the end of its cell."""
    loose = [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path in tracked_files()
        if path.suffix == ".html"
        for found in re.finditer(r"\{\{[^{}]*\|person \}\}(?!</(?:bdi|dd|td)>)", path.read_text())
    ]
    assert not loose, listing(loose, "A name in running text stands in <bdi>:")


def comment_lines(text: str) -> int:
    """Lines that are nothing but a comment, without directives to tools."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    alone = (token for token in tokens if token.type == tokenize.COMMENT and token.line.strip().startswith("#"))
    return sum(not re.match(r"#\s*(fmt|ruff|noqa|type|!)", token.string) for token in alone)


def test_comments_are_few():
    lines = sum(len(module.text.splitlines()) for module in modules())
    comments = sum(comment_lines(module.text) for module in modules())

    assert comments / lines <= COMMENT_SHARE, f"{comments / lines:.1%} of the lines are comments; say why, not what"


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "GLOSSARY.md", "CONFORMANCE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "NOTICE"])  # fmt: skip
def test_the_pages_of_a_project_exist(name):
    assert (ROOT / name).stat().st_size > 100
