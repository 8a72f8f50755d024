"""The house's own concepts of a report, which writing and reading one have in common; their values are texts, codes or numbers."""

from radcommons.transfer.annotation.codes import OWN_SCHEME, Code, code

LABEL = Code(OWN_SCHEME, "label", "Label of the schema")
GEOMETRY = Code(OWN_SCHEME, "geometry", "How it was drawn")
HOLE = Code(OWN_SCHEME, "hole", "Cut out of the region")
INTERPOLATED = Code(OWN_SCHEME, "interpolated", "Drawn by interpolation")
ABOUT = Code(OWN_SCHEME, "about", "Describes the item")
VALUE = Code(OWN_SCHEME, "value", "Answer")
FREE_TEXT = Code(OWN_SCHEME, "text", "Answer in words")
SUMMARY = Code(OWN_SCHEME, "reading", "The whole reading")
SCHEMA = Code(OWN_SCHEME, "schema", "Schema and version")
METHOD = Code(OWN_SCHEME, "method", "Annotation method")
NOTHING_FOUND = Code(OWN_SCHEME, "nothing_found", "Nothing found")
FLAG = Code(OWN_SCHEME, "flag", "Flag of the reader")
ACTIVE_TIME = Code(OWN_SCHEME, "active_time", "Active reading time")
FINISHED_AT = Code(OWN_SCHEME, "finished_at", "Finished at")
SOURCE_READING = Code(OWN_SCHEME, "source", "Made from reading")
INSTANCE = Code(OWN_SCHEME, "instance", "Image of the answer")
SEVERAL = Code(OWN_SCHEME, "several", "Several answers are allowed")
WHOLE = Code(OWN_SCHEME, "whole", "A whole number")
FRAME = Code(OWN_SCHEME, "frame", "Frame of the answer")
YES = code("present")
SUMMARY_ID = "reading"
