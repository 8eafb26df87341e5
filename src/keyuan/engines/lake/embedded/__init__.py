"""A lake of Delta tables in a folder of this machine."""

from keyuan.engines.lake.embedded.delta import DeltaLake

__all__ = ["DeltaLake"]
