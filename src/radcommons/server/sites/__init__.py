"""Hospitals that contribute: the survey, the site record, the data sharing agreement, contributor keys."""
