"""De-identification by DICOM PS3.15 Annex E: profiles as data, pseudonyms, dates, verification."""
