"""Expert annotation as values, and the formats it travels in: schemas, readings, shapes, DICOM and other people's files.

Values here know no table and no page. ``schema`` says what may be answered, ``record`` holds what one reader answered,
``geometry`` where it was drawn; every other module translates one foreign format from and to these three.
"""
