"""A real Keycloak, the sidecar and an inbox, started together: `passwordless demo`, and the end-to-end tests.

folders.py       where downloads and state are, outside the checkout
distribution.py  Keycloak, fetched as the Maven artifact it is, checked and unpacked
java.py          which Java runs it
keycloak.py      one Keycloak server from a copy of the distribution
processes.py     children in process groups of their own, stopped together
leftovers.py     what a demo that was killed left running
state.py         what one demo keeps between its runs: lock, secrets, databases
stack.py         all of it together
report.py        what is told while it happens
banner.py        what is told once it runs
inbox/           the mail server and its page
"""
