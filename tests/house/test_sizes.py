"""Sizes (ARCHITECTURE, "The house in numbers"): small files, small functions, few parameters."""

import ast
import statistics

from tests.house.reading import PACKAGE, body_lines, functions, listing, modules

LONGEST_FILE, LONGEST_CLASS, MOST_METHODS = 400, 300, 20
LONGEST_BODY, USUAL_BODY = 70, 40
MOST_PARAMETERS, MOST_POSITIONAL = 7, 5


def test_files_are_short():
    everything = (*modules(), *modules("tests"), *modules("tools"), *modules("benchmarks"))
    problems = [
        f"{module.name}: {lines} lines"
        for module in everything
        if (lines := len(module.text.splitlines()))
        > (LONGEST_FILE if "tests" not in module.path.parts else 2 * LONGEST_FILE)
    ]
    assert not problems, listing(
        problems, f"A file has at most {LONGEST_FILE} lines; make it a folder of the same name:"
    )


def test_functions_are_short():
    problems = [
        f"{module.at(function)} {function.name}: {lines} lines"
        for module in modules()
        for function in functions(module)
        if (lines := body_lines(function)) > LONGEST_BODY
    ]
    assert not problems, listing(problems, f"A function's body has at most {LONGEST_BODY} lines:")


def test_most_functions_are_very_short():
    bodies = [body_lines(function) for module in modules() for function in functions(module)]
    percentile = statistics.quantiles(bodies, n=20)[-1]

    assert percentile <= USUAL_BODY, f"95 % of all functions have at most {USUAL_BODY} lines; now {percentile:.0f}"


def test_classes_are_short():
    problems = [
        f"{module.at(node)} {node.name}: {lines} lines"
        for module in modules()
        for node in module.walk(ast.ClassDef)
        if (lines := node.end_lineno - node.lineno + 1) > LONGEST_CLASS
    ]
    assert not problems, listing(problems, f"A class has at most {LONGEST_CLASS} lines:")


def test_functions_have_few_parameters():
    problems = []
    for module in modules():
        for function in functions(module):
            given = function.args
            positional = [arg.arg for arg in (*given.posonlyargs, *given.args) if arg.arg not in {"self", "cls"}]
            count = len(positional) + len(given.kwonlyargs)
            if count > MOST_PARAMETERS:
                problems.append(f"{module.at(function)} {function.name}: {count} parameters")
            if len(positional) > MOST_POSITIONAL:
                problems.append(f"{module.at(function)} {function.name}: {len(positional)} positional parameters")
    rule = f"A function has at most {MOST_PARAMETERS} parameters, {MOST_POSITIONAL} of them by position:"
    assert not problems, listing(problems, rule)


def rooms_and_wings():
    """The rooms of the server; a folder in one that is as large as a room is a wing, counted by itself."""
    for folder in sorted(path for path in (PACKAGE / "server").iterdir() if path.is_dir()):
        sizes = {
            module.path: len(module.text.splitlines()) for module in modules(f"src/radcommons/server/{folder.name}")
        }
        wings = {inner: 0 for inner in folder.iterdir() if inner.is_dir()}
        for inner in wings:
            wings[inner] = sum(lines for path, lines in sizes.items() if path.is_relative_to(inner))
        large = {inner: lines for inner, lines in wings.items() if lines > 1000}
        yield f"server/{folder.name}", sum(sizes.values()) - sum(large.values())
        for inner, lines in large.items():
            yield f"server/{folder.name}/{inner.name}", lines


def test_rooms_are_small():
    problems = [f"{name}: {lines} lines" for name, lines in rooms_and_wings() if lines > 4000]
    assert not problems, listing(problems, "A room (or a wing of one) of more than 4,000 lines is two:")
