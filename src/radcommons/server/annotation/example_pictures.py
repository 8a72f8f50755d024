"""What a limited process does with an uploaded picture: decode it and write it anew.

Nothing of the file itself is kept: no metadata, no appended data, no second image. This module is imported by child
processes, so it knows neither Django nor the database.
"""

import io
import warnings

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_PIXELS = 40_000_000
SIDE = 1024
QUALITY = 88


def written_anew(content: bytes) -> tuple[str, bytes] | None:
    """Media type and bytes of a picture of at most 1024 by 1024 pixels; None for what is no PNG, JPEG or WebP.

    Parameters
    ----------
    content
        A whole file as it was uploaded.
    """
    with warnings.catch_warnings():
        # Pillow warns of a bomb at a size that depends on its version; the size is checked below.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            picture = Image.open(io.BytesIO(content), formats=FORMATS)
            if picture.width * picture.height > MOST_PIXELS:
                return None
            is_photograph = picture.format == "JPEG"
            upright = ImageOps.exif_transpose(picture)
            grey = upright.mode in {"1", "L", "I", "I;16"}
            plain = upright.convert("L" if grey else "RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
    plain.thumbnail((SIDE, SIDE))
    # Of pixels alone: what stood beside them in the file would be written again.
    bare = Image.frombytes(plain.mode, plain.size, plain.tobytes())
    target = io.BytesIO()
    if is_photograph:
        bare.save(target, "JPEG", quality=QUALITY)
        return "image/jpeg", target.getvalue()
    bare.save(target, "PNG", optimize=True)
    return "image/png", target.getvalue()
