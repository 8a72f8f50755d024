"""Whether a DICOMweb server does what PS3.18 says: checks of one statement each, for any server."""
