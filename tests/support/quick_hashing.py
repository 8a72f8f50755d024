"""Argon2 with little work: most tests make accounts, and none of them guesses a password."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """The hasher of the application, one round over one mebibyte on one lane."""

    time_cost = 1
    memory_cost = 1024
    parallelism = 1
