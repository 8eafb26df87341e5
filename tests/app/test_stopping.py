"""A process that is told to stop stops, however many tell it at once."""

import subprocess
import sys
import time

import pytest

AGAIN = """
import signal, sys
from keyuan.app.stopping import told_to_stop

left = 100

def once_more(frame, event, _argument):
    global left
    if event == "line" and left:
        left -= 1
        signal.raise_signal(signal.SIGTERM)
    return once_more

stop = told_to_stop()
sys.settrace(once_more)  # from here on, the signal comes again at every line that a handler runs
signal.raise_signal(signal.SIGTERM)
sys.settrace(None)
print(stop.is_set(), stop.wait(), left < 100, flush=True)
"""
WAITS = """
from keyuan.app.stopping import told_to_stop

stop = told_to_stop()
print(stop.is_set(), stop.wait(0.01), flush=True)
print(stop.wait(), stop.is_set(), flush=True)
"""


def test_a_signal_that_comes_again_while_the_first_is_taken_in_holds_nobody_up():
    done = subprocess.run([sys.executable, "-c", AGAIN], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "True True True\n"


@pytest.mark.parametrize("after_s", [0.0, 0.3])
def test_whoever_waits_goes_on_when_the_signal_comes(after_s: float):
    with subprocess.Popen([sys.executable, "-c", WAITS], stdout=subprocess.PIPE, text=True) as waits:
        assert waits.stdout is not None
        assert waits.stdout.readline() == "False False\n"
        time.sleep(after_s)
        waits.terminate()
        assert waits.communicate(timeout=60)[0] == "True True\n"
    assert waits.returncode == 0
