"""Receiving from a PACS at the hospital: a DICOM storage SCP that writes what it is sent straight to a folder (PS3.4 B, J)."""

import logging

# Its messages show what a peer sent and could not be understood: names and numbers of patients among it.
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
