"""The customer's wallet: her points, what she agreed to, and a check of every point by her own browser."""
