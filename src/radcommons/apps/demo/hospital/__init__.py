"""A deterministic demonstration: three invented hospitals with their patients, machines and untidy exports.

Nothing in it is real: bodies are formulas, names and places are made up, and an answer key says what was planted where.
"""

from radcommons.apps.demo.hospital.answer_key import AnswerKey
from radcommons.apps.demo.hospital.generate import ANSWER_KEY_NAME, DEFAULT_SEED, generate

__all__ = ["ANSWER_KEY_NAME", "DEFAULT_SEED", "AnswerKey", "generate"]
