"""The composition root: an installation opened, its processes started, the demo told."""
