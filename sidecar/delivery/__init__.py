"""From a queued message to a provider that took it.

worker.py     take, derive, render, send, write what happened; again until the code's life ends
route.py      the next provider where one fails, with breaker.py
render.py     Liquid templates with limits, a folder per message, overridable per realm
mime.py       a mail as it goes over the wire
smtp.py, webhook.py, twilio.py, apprise.py, console.py     a provider each
outbound.py   connections to what an operator named and nothing else, which end in time (deadline.py)
callbacks.py  what providers say later
ports.py      what the worker needs: an outbox, providers
"""
