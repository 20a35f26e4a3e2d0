# --8<-- [start:make]
make serve
# --8<-- [end:make]
# --8<-- [start:serve]
onemq serve --data /var/lib/onemq
onemq serve --memory --amqp-port 0 --kafka-port off
# --8<-- [end:serve]
