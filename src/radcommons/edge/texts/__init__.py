"""Texts that stay in headers: shown once each, decided once by a person, remembered for the project."""

from radcommons.edge.text_memory import TextMemory
from radcommons.edge.texts.deciding import TextDecision, TextsDecided, decide_texts
from radcommons.edge.texts.listing import ReviewedText, reviewed_texts, text_id

__all__ = [
    "ReviewedText",
    "TextDecision",
    "TextMemory",
    "TextsDecided",
    "decide_texts",
    "reviewed_texts",
    "text_id",
]
