"""`onemq bench`: a load on a running broker, over real connections to its ports. No client library: it is the broker that is measured."""
