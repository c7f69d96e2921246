"""From a queued message to a provider that took it.

worker.py   take, derive, render, send, write what happened; again until the code's life ends
render.py   Liquid templates with limits, a folder per message, overridable per realm
mime.py     the message as it goes over the wire
smtp.py     the SMTP provider
ports.py    what the worker needs: an outbox, providers
"""
