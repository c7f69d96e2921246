"""The bench: what a login costs, in CPU milliseconds, beside a baseline from the same run.

`python -m tests.bench --help`. CPU time instead of wall-clock time, and ratios instead of either where there is one,
so that a busy machine says much the same as an idle one. Linux only, for it reads /proc.

    __main__.py    the command, and what it prints
    house.py       PostgreSQL, the sidecar under gunicorn, a worker, an SMTP server, a realm that publishes keys
    visitor.py     one browser and one broker, walking through a login
    load.py        many of them at once, and the CPU that it took
    cpu.py         CPU and memory of a tree of processes
    mailbox.py     an SMTP server that tells codes to who waits for them
    bare.py        the baseline: a Flask endpoint with one commit
    rows.py        a database with millions of past logins
    statements.py  which statements a login runs, and their plans
"""
