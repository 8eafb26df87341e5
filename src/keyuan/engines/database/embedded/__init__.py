"""The embedded PostgreSQL: a real server that Keyuan starts, watches and stops by itself.

What is deliberately not here: roles and the database (`engines.database.bootstrap`), connections of the rooms
(`engines.database`), and any server that somebody else runs. Nothing of the wheel's own Python is used, only its
programs.
"""

from keyuan.engines.database.embedded.cluster import Cluster, open_cluster, remove
from keyuan.engines.database.embedded.commands import superuser_commands
from keyuan.engines.database.embedded.memory import Sampler, tree_pss_mb

__all__ = ["Cluster", "Sampler", "open_cluster", "remove", "superuser_commands", "tree_pss_mb"]
