"""The texts of race control's messages, as the rules that read them expect them."""

# By the texts of messages that lack the field.
FLAG_OF_TEXT = {
    "RED FLAG": "RED",
    "TRACK CLEAR": "CLEAR",
    "CHEQUERED FLAG": "CHEQUERED",
    "GREEN LIGHT - PIT EXIT OPEN": "GREEN",
}


def normalise_message(text: str | None) -> str:
    """A message in capitals and with single blanks, as race control writes nearly all of them; "" for none."""
    return " ".join((text or "").upper().split())


def flag_of(flag: str | None, text: str | None) -> str | None:
    """The flag of a message, by its text where the field is empty; None for messages without one."""
    return flag or FLAG_OF_TEXT.get(normalise_message(text))


def scope_of(scope: str | None, sector: int | None) -> str:
    """The scope of a flag: that of a sector where the message has one, else the whole track, if the field is empty."""
    return scope or ("Track" if sector is None else "Sector")
