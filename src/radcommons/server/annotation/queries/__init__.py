"""Reads of annotation, by who asks: readers, managers, adjudicators."""
