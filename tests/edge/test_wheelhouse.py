"""What a hospital installs without a network: everything the box needs, pinned and hashed, and nothing of the server."""

import pytest
from tools.make_wheelhouse import LOCK, closure, pins, requirements


def test_the_box_needs_its_libraries_and_nothing_of_the_server():
    needed = set(closure(()))

    assert {"click", "cryptography", "httpx", "numpy", "pydicom", "python-gdcm", "rich"} <= needed
    assert not needed & {"django", "psycopg", "uvicorn", "onnxruntime", "pytest"}


def test_the_recogniser_comes_with_the_library_that_needs_no_display():
    needed = set(closure(("ocr",)))

    assert {"rapidocr-onnxruntime", "onnxruntime", "opencv-python-headless"} <= needed
    assert "opencv-python" not in needed
    assert set(closure(())) < needed


def test_every_needed_package_is_pinned_with_its_digests():
    text = requirements(closure(("ocr",)), pins(LOCK.read_text("utf-8")))

    blocks = [block for block in text.split("\n") if block and not block.startswith(" ")]
    assert all("==" in block for block in blocks)
    assert len([line for line in blocks if line.startswith("numpy==")]) == LOCK.read_text("utf-8").count("\nnumpy==")
    assert text.count("--hash=sha256:") >= len(blocks)


def test_a_package_that_is_not_locked_stops_everything():
    with pytest.raises(SystemExit, match="lacks unheard-of"):
        requirements(["numpy", "unheard-of"], pins("numpy==1 \\\n    --hash=sha256:00\n"))
