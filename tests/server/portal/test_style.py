"""The style sheet keeps its promises: contrast of text in light and dark, no address but our own."""

import re
from pathlib import Path

import pytest

import radcommons.server.portal

ROOT = Path(radcommons.server.portal.__file__).parent
SERVER = ROOT.parent
CSS = (ROOT / "static" / "portal" / "portal.css").read_text(encoding="utf-8")
TOKENS = dict(re.findall(r"--rc-([a-z-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\)", CSS))
TEMPLATES = sorted(path for path in SERVER.rglob("*.html") if "templates" in path.parts)

PAIRS = [
    (ink, ground)
    for ink in ("ink", "quiet", "accent", "accent-strong")
    for ground in ("paper", "ground", "raised", "sunken", "accent-soft")
] + [
    ("accent-ink", "accent"),
    ("accent-ink", "accent-strong"),
    *[(tone, f"{tone}-soft") for tone in ("good", "wait", "warn", "stop")],
    *[("ink", f"{tone}-soft") for tone in ("good", "wait", "warn", "stop")],
    ("stop", "raised"),
    ("stop", "ground"),
    ("paper", "stop"),
]


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_is_readable_on_its_ground(ink, ground, scheme):
    one, other = (TOKENS[name].split(", ")[scheme] for name in (ink, ground))
    assert contrast(one, other) >= 4.5


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "ground", "raised", "accent-soft"])
def test_focus_and_control_borders_stand_out(ground, scheme):
    for name in ("focus", "line-strong"):
        assert contrast(TOKENS[name].split(", ")[scheme], TOKENS[ground].split(", ")[scheme]) >= 3


def test_the_style_sheet_loads_nothing():
    assert "url(" not in CSS
    assert "@import" not in CSS


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_templates_hold_nothing_inline_and_nothing_from_elsewhere(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/(ld\+)?json\")[^>]*>", text)
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//(?!doi\.org|creativecommons\.org|spdx\.org)[a-z]", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_forms_that_change_something_carry_the_protection_token(path):
    for form in re.findall(r"<form\b[^>]*method=\"post\".*?</form>", path.read_text(encoding="utf-8"), re.DOTALL):
        assert "{% csrf_token %}" in form
