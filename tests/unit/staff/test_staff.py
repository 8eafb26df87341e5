"""Names, passwords and attempts of the staff."""

import pytest

from keyuan.engines.passwords import digest_password, is_password
from keyuan.staff import Attempts, StaffNameError, WeakPasswordError, check_name, check_password
from keyuan.staff.attempts import PER_ACCOUNT, PER_ADDRESS, WINDOW_S


@pytest.mark.parametrize("name", ["", "1st", "a b", "ä", "x" * 64, "a\nb", "-a"])
def test_a_name_that_cannot_be_one_is_refused(name: str):
    with pytest.raises(StaffNameError):
        check_name(name)


def test_a_name_is_kept_in_lower_case_without_spaces_around():
    assert check_name("  Lin.Xiao ") == "lin.xiao"


@pytest.mark.parametrize("password", ["short", "a" * 30, "abababababab", "correct horse", "my admin word", "x" * 300])
def test_a_password_that_is_guessed_first_is_refused(password: str):
    with pytest.raises(WeakPasswordError):
        check_password("admin", password, old="correct horse")


def test_a_long_password_is_taken():
    check_password("admin", "correct battery staple", old="correct horse")


def test_a_digest_tells_its_password_from_others_and_nobody_has_one():
    digest = digest_password("correct horse")
    assert digest.startswith("$argon2id$")
    assert is_password(digest, "correct horse")
    assert not is_password(digest, "correct horsf")
    assert not is_password(None, "nobody has this password")
    assert not is_password("not a digest", "correct horse")


def test_an_account_waits_after_some_failures_and_another_one_does_not():
    attempts = Attempts()
    for second in range(PER_ACCOUNT):
        assert attempts.wait_s("admin", "a", second) == 0
        attempts.trying("admin", "a", second)
    assert attempts.wait_s("admin", "b", 10) == WINDOW_S - 10
    assert attempts.wait_s("other", "a", 10) == 0
    assert attempts.wait_s("admin", "b", WINDOW_S) == 0


def test_an_address_that_tries_many_accounts_waits_too():
    attempts = Attempts()
    for number in range(PER_ADDRESS):
        attempts.trying(f"name{number}", "a", 0)
    assert attempts.wait_s("another", "a", 1) > 0
    assert attempts.wait_s("another", "b", 1) == 0


def test_success_forgets_the_failures_of_the_account_but_not_of_the_address():
    attempts = Attempts()
    for _ in range(PER_ADDRESS):
        attempts.trying("admin", "a", 0)
    attempts.succeeded("admin", "b")
    assert attempts.wait_s("admin", "b", 1) == 0
    assert attempts.wait_s("admin", "a", 1) > 0


def test_what_is_remembered_is_bounded():
    attempts = Attempts()
    for number in range(10_100):
        attempts.trying("admin", f"address{number}", 0)
    assert len(attempts._times) <= 10_000
