"""Faults on purpose, for tests of programs that use a broker: `broker.faults` (or the pytest fixture `onemq_faults`) is a `Faults`.

    with broker.faults.delay(0.2, protocol="aws"):
        ...                                # answers come 0.2 s later
    broker.faults.refuse(3)                # the next three calls are refused
    broker.faults.drop_answers(1)          # the next answer is lost, with the connection
    broker.faults.drop(protocol="amqp")    # breaks the connections that are open
    broker.faults.throttle(10_000)         # bytes a second, until it is taken back
    broker.faults.duplicate("orders")      # the next message is delivered twice

All but `drop` and `duplicate` give a `Fault`, which is over after its calls, at the end of a with block, by `end()`, or with `clear()`.
"""

from onemq.net.faults import Fault, Faults

__all__ = ["Fault", "Faults"]
