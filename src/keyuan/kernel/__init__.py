"""Words that every room shares: errors, ids, money, the clock, digests and configuration. Imports nothing of ours."""
