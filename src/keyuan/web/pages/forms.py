"""Forms as browsers send them: names and values, of a limited size.

Deliberately not here: files, and whether the sender may (`console.guard` checks the token against forgery).
"""

from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from keyuan.web.body import read_body

FORM_BYTES_MAX: Final = 32_768
_FIELDS_MAX: Final = 64
_TYPE: Final = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; of a name that comes twice the last value.

    Raises:
        HTTPException: it is no form, or too long.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise HTTPException(415, "This address takes forms only.")
    body = await read_body(request)
    if len(body) > FORM_BYTES_MAX:
        raise HTTPException(413, "This form is too long.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX))
    except ValueError as wrong:
        raise HTTPException(400, "This form cannot be read.") from wrong
