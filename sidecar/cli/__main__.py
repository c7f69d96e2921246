"""`python -m sidecar.cli`: the command, where it is not on the path."""

from sidecar.cli.main import main

main(prog_name="passwordless")
