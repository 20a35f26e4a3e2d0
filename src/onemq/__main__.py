"""`python -m onemq` is the command line."""

from onemq.cli.main import main

main(prog_name="onemq")
