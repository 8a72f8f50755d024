"""The archive: subjects, studies, series, instances, their bytes, and DICOMweb per scope."""
