"""The demo: a year of real purchases, from files to portraits, segments and points."""
