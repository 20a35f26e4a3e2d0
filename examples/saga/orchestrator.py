"""The orchestrator: takes requests and replies, stores where the trip stands now, asks the next service.

First the state is stored, then the command is sent, then the message that caused it is acknowledged. After a crash it asks
once more for every trip that is under way; services and trips both pass over what comes twice.
"""

from __future__ import annotations

from .consuming import connect, consume, open_channel, send
from .messages import Reply, TripRequest
from .settings import REPLIES, REQUESTS, command_queue, database_path
from .trips import STEPS, Trip, Trips


def main() -> None:
    trips = Trips(database_path("orchestrator"))
    with connect() as connection:
        channel = open_channel(connection, [REQUESTS, REPLIES, *map(command_queue, STEPS)])

        def ask(trip: Trip) -> None:
            if (command := trip.next_command()) is not None:
                service, body = command
                send(channel, command_queue(service), body)

        def handle(queue: str, body: bytes) -> None:
            if queue == REQUESTS:
                ask(trips.begin(TripRequest.model_validate_json(body)))
            else:
                ask(trips.advance(Reply.model_validate_json(body)))

        for trip in trips.running():
            ask(trip)
        consume(channel, [REQUESTS, REPLIES], handle)
    trips.close()


if __name__ == "__main__":
    main()
