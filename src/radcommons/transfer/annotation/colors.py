"""Colours as DICOM writes them (PS3.3 C.10.7.1.1): CIELab of the profile connection space, 16 bits a part."""

import numpy as np

# Linear sRGB to XYZ, adapted from D65 to the D50 of the profile connection space (Bradford; IEC 61966-2-1, ICC.1).
_TO_XYZ = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
_WHITE = _TO_XYZ.sum(axis=1)
_KAPPA, _EPSILON = 24389 / 27, 216 / 24389


def cielab_of(color: str) -> tuple[float, float, float]:
    """L* from 0 to 100, a* and b* from -128 to 127, of ``#RRGGBB``."""
    encoded = np.array([int(color[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(encoded > 0.04045, ((encoded + 0.055) / 1.055) ** 2.4, encoded / 12.92)  # noqa: PLR2004 - of sRGB
    ratio = _TO_XYZ @ linear / _WHITE
    x, y, z = np.where(ratio > _EPSILON, np.cbrt(ratio), (_KAPPA * ratio + 16) / 116)
    return float(116 * y - 16), float(500 * (x - y)), float(200 * (y - z))
