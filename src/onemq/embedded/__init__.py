"""The broker inside a Python process: `onemq.Broker`, its native API, its clock, its snapshots. What is public is exported by `onemq`."""
