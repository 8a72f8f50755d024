"""DICOMweb (PS3.18) over scopes: search, retrieve, render. A Starlette application on the archive's tables."""
