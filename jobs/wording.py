"""Numbers in sentences."""


def plural(number: int, noun: str, nouns: str = "") -> str:
    """A number with its noun: "1 lap", "3,000 laps"; `nouns` is the plural where it does not end in s."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"
