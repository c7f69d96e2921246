"""Does an answer take longer for one address than for another? Interleaved pairs, and a planted 2 ms to be found.

`python -m tests.timing --help` for the long run; `test_timing.py` is the short one.

    __main__.py    the command, and what it prints
    arms.py        what is compared: the application, addresses in two states, and one pair of measurements
    verdict.py     from pairs to "different" or not
"""
