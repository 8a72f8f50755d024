"""Curation: checks on every study, cases, decisions by people; nothing goes on without one."""
