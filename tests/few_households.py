"""The sample of real purchases, cut down to its first households, for tests that need a whole job but not its size."""

import shutil
from pathlib import Path

import duckdb

SAMPLE = Path(__file__).parent / "data" / "completejourney_sample"
_OF_HOUSEHOLDS = ("transactions", "campaigns", "coupon_redemptions", "demographics")


def few_households(folder: Path, count: int) -> Path:
    """Write the files of so many households into a new folder."""
    folder.mkdir()
    first = f"SELECT DISTINCT household_id FROM '{SAMPLE}/transactions.parquet' ORDER BY 1 LIMIT {count}"
    for path in SAMPLE.glob("*.parquet"):
        shutil.copy(path, folder)
    for name in _OF_HOUSEHOLDS:
        duckdb.sql(
            f"COPY (SELECT * FROM '{SAMPLE}/{name}.parquet' WHERE household_id IN ({first}))"
            f" TO '{folder}/{name}.parquet' (FORMAT parquet)"
        )
    return folder
