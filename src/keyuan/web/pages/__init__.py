"""What all pages share: languages, formats, the frame, design tokens, and typed responses with a strict policy."""

from keyuan.web.pages.formats import Formats
from keyuan.web.pages.i18n import LANGUAGES, Language, language_of, translator
from keyuan.web.pages.render import page, redirect, static_routes

__all__ = ["LANGUAGES", "Formats", "Language", "language_of", "page", "redirect", "static_routes", "translator"]
