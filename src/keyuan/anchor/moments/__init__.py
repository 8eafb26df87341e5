"""Moments: all that proofs as of one epoch need, read from what is stored."""

from keyuan.anchor.moments.moment import BookAt, Moment, NoSuchEpochError, book_at, books, histories, open_moment

__all__ = ["BookAt", "Moment", "NoSuchEpochError", "book_at", "books", "histories", "open_moment"]
