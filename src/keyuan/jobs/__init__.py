"""What the clock starts: expiry of points, and people whose traits change by time alone."""
