"""Proofs that anybody can check: leaves, trees, headers, bundles. No person, no network, no storage."""
