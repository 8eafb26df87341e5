"""Metrics: what the lake's tables mean (`tables`), what each metric is (`metrics`), and how it is asked (`ask`).

What imports Ibis is imported where it is needed: it takes a second.
"""
