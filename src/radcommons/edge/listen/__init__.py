"""Receiving from a PACS at the hospital: a DICOM storage SCP that writes what it is sent straight to a folder (PS3.4 B, J)."""
