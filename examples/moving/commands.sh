# --8<-- [start:definitions]
python -m examples.moving.definitions http://guest:guest@old:15672 http://guest:guest@new:15672
# --8<-- [end:definitions]
# --8<-- [start:topics]
python -m examples.moving.topics old:9092 new:9092
# --8<-- [end:topics]
# --8<-- [start:queues]
python -m examples.moving.queues aws http://new:4566
# --8<-- [end:queues]
# --8<-- [start:import-rabbitmq]
onemq import definitions.json --dry-run
onemq import definitions.json
# --8<-- [end:import-rabbitmq]
# --8<-- [start:import-elasticmq]
onemq import elasticmq.conf
# --8<-- [end:import-elasticmq]
