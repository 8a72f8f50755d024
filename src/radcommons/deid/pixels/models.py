"""The recogniser's two models, which come inside RapidOCR's wheel: where lines of writing lie, and what a line says.

They are run here and not by RapidOCR's own classes: those fetch and give back tens of megabytes for every sheet, compute
on three equal channels in double precision, and load a third model that nobody asks.
"""

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

PACKAGE = "rapidocr_onnxruntime"
_FINDS, _READS = "ch_PP-OCRv4_det_infer.onnx", "ch_PP-OCRv4_rec_infer.onnx"
_LIKELY_PIXEL, _LIKELY_LINE, _WIDENED = 0.3, 0.4, 1.6
_LEAST_SIDE, _LARGE = 4, 400_000
_HEIGHT, _LEAST_WIDTH = 48, 96
_UPRIGHT = 1.5
_MIDDLE = 127.5

Quadrangle = NDArray[np.float32]


class Models:
    """Both models, loaded; one processor thread."""

    def __init__(self) -> None:
        package = importlib.import_module(PACKAGE)
        folder = Path(str(package.__file__)).parent / "models"
        self.opencv: Any = importlib.import_module("cv2")
        runtime = importlib.import_module("onnxruntime")
        self._finder, self._reader = _session(runtime, folder / _FINDS), _session(runtime, folder / _READS)
        self._tidily = runtime.RunOptions()
        self._tidily.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        found = importlib.import_module(f"{PACKAGE}.ch_ppocr_det.utils")
        self._lines: Any = found.DBPostProcess(
            thresh=_LIKELY_PIXEL, box_thresh=_LIKELY_LINE, unclip_ratio=_WIDENED, use_dilation=True
        )
        read = importlib.import_module(f"{PACKAGE}.ch_ppocr_rec.utils")
        letters = self._reader.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._text: Any = read.CTCLabelDecode(character=letters)

    def lines_on(self, sheet: NDArray[np.uint8]) -> list[Quadrangle]:
        """The corners (column, row) of each line of writing on a grey sheet, clockwise from the upper left.

        Parameters
        ----------
        sheet
            Rows by columns, both multiples of 32.
        """
        # What a large sheet needed is given back, or a child's memory grows by every new shape of sheet.
        likely = _run(self._finder, _normalised(sheet)[None], self._tidily if sheet.size > _LARGE else None)
        boxes, _ = self._lines(likely, sheet.shape)
        corners = [_clockwise(np.asarray(box, dtype=np.float32)) for box in boxes]
        rows, columns = sheet.shape
        for each in corners:
            np.clip(each, 0, (columns - 1, rows - 1), out=each)
        return [each for each in corners if min(_sides(each)) >= _LEAST_SIDE]

    def clipping(self, sheet: NDArray[np.uint8], corners: Quadrangle) -> NDArray[np.uint8]:
        """What lies within corners, made upright; what is much higher than wide is turned against the clock."""
        width, height = (int(side) for side in _sides(corners))
        target = np.array([(0, 0), (width, 0), (width, height), (0, height)], dtype=np.float32)
        clipping: NDArray[np.uint8] = self.opencv.warpPerspective(
            sheet,
            self.opencv.getPerspectiveTransform(corners, target),
            (width, height),
            borderMode=self.opencv.BORDER_REPLICATE,
            flags=self.opencv.INTER_CUBIC,
        )
        return np.rot90(clipping) if height >= _UPRIGHT * width else clipping

    def reading(self, clipping: NDArray[np.uint8]) -> tuple[str, float]:
        """What a line says, and how likely from 0 to 1."""
        rows, columns = clipping.shape
        width = -(-columns * _HEIGHT // rows)
        shown = self.opencv.resize(np.ascontiguousarray(clipping), (width, _HEIGHT))
        values = np.zeros((1, 3, _HEIGHT, max(width, _LEAST_WIDTH)), dtype=np.float32)
        values[0, :, :, :width] = _normalised(shown)
        text, score = self._text(_run(self._reader, values))[0]
        return str(text), float(score)


@cache
def models() -> Models:
    """The models, loaded once a process: about 0.6 s."""
    return Models()


def is_available() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def _session(runtime: Any, path: Path) -> Any:
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Memory is kept from one sheet to the next, and grows by what is asked, not by doubling.
    provider = ("CPUExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"})
    return runtime.InferenceSession(str(path), options, providers=[provider])


def _run(session: Any, values: NDArray[np.float32], options: Any = None) -> NDArray[np.float32]:
    result: NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: values}, options)[0]
    return result


def _normalised(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey values from -1 to 1, three times: the models were made for colours."""
    values = picture.astype(np.float32)
    values /= _MIDDLE
    values -= 1
    return np.repeat(values[None], 3, axis=0)


def _clockwise(corners: Quadrangle) -> Quadrangle:
    """Corners from the upper left on: the two on the left first, each pair from the top."""
    order = np.argsort(corners[:, 0], kind="stable")
    left, right = corners[order[:2]], corners[order[2:]]
    upper_left, lower_left = left[np.argsort(left[:, 1], kind="stable")]
    upper_right, lower_right = right[np.argsort(right[:, 1], kind="stable")]
    return np.array([upper_left, upper_right, lower_right, lower_left], dtype=np.float32)


def _sides(corners: Quadrangle) -> tuple[float, float]:
    """The longer of both horizontal sides and of both vertical ones."""
    first, second, third, fourth = corners
    wide = max(np.linalg.norm(first - second), np.linalg.norm(third - fourth))
    high = max(np.linalg.norm(first - fourth), np.linalg.norm(second - third))
    return float(wide), float(high)
