"""Sentences that are written in English where they are made, and said in another language where they are shown."""


def mark(sentence: str) -> str:
    """Mark a sentence that is translated later; places for facts stand in it as `%(name)s`."""
    return sentence
