"""Under which form a contact field is found."""

import pytest

from keyuan.profiles.contact import normal


@pytest.mark.parametrize(
    ("field", "value", "form"),
    [
        ("email", "  Anna@Example.ORG\n", "anna@example.org"),
        ("email", "   ", None),
        ("phone", "+86 (555) 0100-77", "86555010077"),
        ("phone", "٣٤٥", None),
        ("phone", "unknown", None),
        ("name", "Anna", None),
        ("address", "1 Canary Row", None),
    ],
)
def test_spelling_does_not_hide_an_email_or_a_phone(field: str, value: str, form: str | None):
    assert normal(field, value) == form
