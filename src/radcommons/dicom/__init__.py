"""Reading and describing DICOM: identifiers, transfer syntaxes, DICOM JSON, frames; no network, no database."""
