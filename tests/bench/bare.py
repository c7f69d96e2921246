"""The baseline: a bare Flask endpoint with one commit. `BENCH_DATABASE_URL` names the database."""

from __future__ import annotations

import os
import threading

import psycopg
from flask import Flask

app = Flask(__name__)
_local = threading.local()


@app.get("/")
def commit() -> str:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["BENCH_DATABASE_URL"])
    with _local.connection.transaction():
        _local.connection.execute("INSERT INTO bench_commits (text) VALUES (%s)", ("one",))
    return "ok"
