"""Offers and the coupons that carry them: issued once a person, handed in once."""
