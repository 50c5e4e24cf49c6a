"""Many items on all cores: order, failures, stops, and scripts without a guard."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from itertools import count

import pytest

from tellapart.core.errors import ConfigError, ImageError
from tellapart.core.image_io import read_bytes
from tellapart.core.parallel import AHEAD, map_processes, map_threads


@pytest.fixture(params=[map_threads, partial(map_processes, workers=2)], ids=["threads", "processes"])
def mapped(request):
    return request.param


def test_results_come_in_the_order_of_the_items(mapped):
    numbers = [20_000, *range(40)]  # the first takes longest
    assert list(mapped(math.factorial, numbers)) == [math.factorial(number) for number in numbers]
    assert list(mapped(math.factorial, [])) == []


def test_few_items_are_taken_ahead(mapped):
    taken = []
    results = mapped(abs, (taken.append(number) or number for number in count()))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(taken) <= AHEAD + 3
    results.close()


def test_a_failure_reaches_the_caller_as_it_was(mapped, tmp_path):
    (tmp_path / "0.png").write_bytes(b"zero")
    results = mapped(read_bytes, (tmp_path / f"{number}.png" for number in range(40)))
    assert next(results) == b"zero"
    with pytest.raises(ImageError, match=r"1\.png: there is no such file$") as caught:
        next(results)
    assert (caught.value.file, caught.value.reason) == (str(tmp_path / "1.png"), "there is no such file")
    assert list(mapped(abs, [-1])) == [1]  # and the next call works


def test_an_image_error_travels():
    again = pickle.loads(pickle.dumps(ImageError("a.png", "gone")))
    assert (again.file, again.reason, str(again)) == ("a.png", "gone", "a.png: gone")


def test_a_killed_process_is_a_refusal_in_words():
    with pytest.raises(ConfigError, match=r"was killed, most likely for lack of memory; free some and start again$"):
        list(map_processes(signal.raise_signal, [signal.SIGKILL] * 4, workers=2))
    assert list(map_processes(abs, [-1, 2], workers=2)) == [1, 2]


def test_any_script_may_call_it(tmp_path):
    """No guard, and what the script does happens once."""
    script = tmp_path / "script.py"
    script.write_text(
        "print('begun', flush=True)\nfrom tellapart.core.parallel import map_processes\n"
        "print(list(map_processes(abs, range(-9, 0), workers=2)))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["begun", "[9, 8, 7, 6, 5, 4, 3, 2, 1]"]
    assert done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups here")
def test_ctrl_c_stops_all_of_them_without_noise(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import signal, time\nfrom itertools import repeat\nfrom tellapart.core.parallel import map_processes\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "try:\n    for n, _ in enumerate(map_processes(time.sleep, repeat(0.05), workers=2)):\n"
        "        print(n, flush=True)\nexcept KeyboardInterrupt:\n    print('stopped')\n"
    )
    running = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert running.stdout.readline() == "0\n"
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    out, err = running.communicate(timeout=60)
    assert out.splitlines()[-1] == "stopped"
    assert (running.returncode, err) == (0, "")
    for _ in range(100):  # the children go too
        try:
            os.killpg(running.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("a process is left")


@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN], ids=["heard", "ignored"])
def test_ctrl_c_does_what_it_did_before(mapped, handler):
    """It ends the wait where it is heard, and a caller who ignores it gets every answer."""
    before = signal.signal(signal.SIGINT, handler)
    presses = threading.Timer(0.5, signal.raise_signal, [signal.SIGINT])
    try:
        presses.start()
        if handler is signal.SIG_IGN:
            assert list(mapped(time.sleep, [1] * 2)) == [None] * 2
        else:
            with pytest.raises(KeyboardInterrupt):
                list(mapped(time.sleep, [1] * 2))
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        presses.join()
        signal.signal(signal.SIGINT, before)


def test_processes_end_with_the_one_that_wants_their_answers(tmp_path):
    script = "from tellapart.core.parallel import map_processes\nlist(map_processes(eval, {!r}, workers=1))"
    items = ["__import__('os').write(1, b'x')", "__import__('time').sleep(300)"]
    with subprocess.Popen([sys.executable, "-c", script.format(items)], stdout=subprocess.PIPE) as main:
        assert main.stdout is not None
        assert main.stdout.read(1) == b"x"
        main.kill()
        main.communicate(timeout=60)  # the output ends once nobody holds it any more
