"""The composition root: the only package that knows all parts. server.py is the broker, process.py the process `onemq serve`."""
