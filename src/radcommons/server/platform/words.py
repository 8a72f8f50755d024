"""Numbers in sentences."""


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: ``1 case``, ``1,234 cases``; ``many`` where an *s* does not make the plural."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
