"""PDF documents with a line of text on each page, written by hand."""


def pdf(*lines: str, size: tuple[int, int] = (595, 842)) -> bytes:
    """A document with a page for each line; an empty line is an empty page."""
    count = len(lines)
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(count))
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {count}/MediaBox[0 0 {size[0]} {size[1]}]>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for index, line in enumerate(lines):
        drawing = f"BT /F1 24 Tf 50 750 Td ({line}) Tj ET" if line else ""
        page = f"<</Type/Page/Parent 2 0 R/Contents {5 + 2 * index} 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
        objects += [page, f"<</Length {len(drawing)}>>stream\n{drawing}\nendstream"]
    written, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{number} 0 obj{content}endobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    head = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    return (
        written + f"{head}trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{len(written)}\n%%EOF\n".encode()
    )
