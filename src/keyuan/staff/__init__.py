"""Who works with the console: accounts, sessions, attempts, and the audit trail.

Not customers: those are `profiles`. Deliberately not here: digests of passwords (`engines.passwords`), cookies and
forms (`web`).
"""

from keyuan.staff.attempts import Attempts
from keyuan.staff.model import (
    PASSWORD_CHARACTERS_MIN,
    Member,
    StaffNameError,
    WeakPasswordError,
    check_name,
    check_password,
    normal_name,
    token_digest,
)
from keyuan.staff.store import (
    Account,
    account,
    begin_session,
    end_session,
    make_account,
    member,
    note,
    set_password,
)

__all__ = [
    "PASSWORD_CHARACTERS_MIN",
    "Account",
    "Attempts",
    "Member",
    "StaffNameError",
    "WeakPasswordError",
    "account",
    "begin_session",
    "check_name",
    "check_password",
    "end_session",
    "make_account",
    "member",
    "normal_name",
    "note",
    "set_password",
    "token_digest",
]
