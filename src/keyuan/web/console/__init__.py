"""The console of the staff: pages behind a sign-in, each asking one question of the flows.

`guard` sessions, forms and signing in · `desk` what every page has · `site` the routes · `charts` geometry · `words`
what things are called · `addresses` filters in the address.
"""

from keyuan.web.console.site import Console

__all__ = ["Console"]
