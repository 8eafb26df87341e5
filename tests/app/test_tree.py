"""The process tree: a child that dies is started again, and everybody is told its new number."""

import os
import queue
import signal
import sys

from keyuan.app.tree import Tree


def test_a_child_that_dies_is_started_again_and_its_new_number_is_told():
    told: queue.SimpleQueue[dict[str, int]] = queue.SimpleQueue()
    words: list[str] = []
    with Tree(None, {"sleeper": [sys.executable, "-c", "import time; time.sleep(600)"]}, words.append) as tree:
        tree.say_pids(told.put)
        first = told.get(timeout=10)["sleeper"]
        os.kill(first, signal.SIGKILL)
        again = told.get(timeout=30)["sleeper"]
        assert again != first
        assert tree.pids() == {"sleeper": again}
    assert words == ["The sleeper process had died and is started again."]
