"""Keyuan 客缘: consented portraits, measured incentives and points that anybody can check."""
