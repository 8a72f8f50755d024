"""The tests themselves: real things, sentences as names, as much of them as of code."""

import ast
import re

from tests.house.reading import ROOT, functions, listing, modules

MOCK = re.compile(
    r"\bmocker\.|\bmock\.patch|\bMagicMock|\bAsyncMock|\bcreate_autospec|\bmonkeypatch\.(?!setenv|delenv|chdir)"
)
# A ratchet towards the 0.8 of the design: raise the first number as tests are added, never lower it.
LEAST_RATIO, MOST_RATIO = 0.49, 1.8


def test_there_are_hardly_any_mocks():
    found = [
        f"{module.name}:{number}"
        for module in modules("tests")
        if "house" not in module.path.parts
        for number, line in enumerate(module.text.splitlines(), start=1)
        if MOCK.search(line)
    ]
    lines = sum(len(module.text.splitlines()) for module in modules("tests"))
    allowed = max(1, lines // 1000)

    assert len(found) <= allowed, listing(found, f"At most one mock per 1,000 lines of tests ({allowed} now):")


def test_there_is_about_as_much_test_as_code():
    code = sum(len(module.text.splitlines()) for module in modules())
    tests = sum(len(module.text.splitlines()) for module in modules("tests"))

    assert LEAST_RATIO <= tests / code <= MOST_RATIO, (
        f"{tests} lines of tests for {code} lines of code: {tests / code:.2f}"
    )


def test_names_of_tests_are_sentences():
    problems = []
    for module in modules("tests"):
        if not module.path.name.startswith("test_"):
            continue
        problems += [
            f"{module.at(function)} {function.name}"
            for function in functions(module)
            if function.name.startswith("test_") and len(function.name.split("_")) < 4
        ]
    assert not problems, listing(problems, "A test's name is a sentence of three words or more:")


def test_files_of_tests_are_found_by_pytest():
    problems = [
        module.name
        for module in modules("tests")
        if any(function.name.startswith("test_") for function in functions(module))
        and not module.path.name.startswith("test_")
        and "contract" not in module.path.name
    ]
    assert not problems, listing(problems, "pytest collects test_*.py only:")


def test_skips_say_why():
    problems = []
    for module in modules("tests"):
        for call in module.walk(ast.Call):
            name = ast.unparse(call.func)
            if name.endswith((".skip", ".skipif")) and not (call.args or call.keywords):
                problems.append(module.at(call))
    assert not problems, listing(problems, "A skip says what is lacking and how to get it:")


def test_test_folders_have_no_init_files():
    problems = [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("__init__.py")]
    assert not problems, listing(problems, "Tests are imported by path; remove:")
