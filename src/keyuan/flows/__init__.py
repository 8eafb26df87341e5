"""Stories, one per file, each one transaction: the only place where rooms that do not know each other meet."""
