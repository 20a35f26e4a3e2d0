"""The first program in each protocol, as README.md and the guide show them, against the ports that `onemq serve` takes."""
