from engine_driver import Driver
from onemq.engine.settings import EngineSettings

def test_pending():
    driver = Driver(EngineSettings(journal_bytes_max=100), delay=1)
    driver.declare("q")
    driver.settle_down()
    for i in range(10):
        driver.publish("q", b"%d" % i)
        driver.turn()
    driver.settle_down()
    driver.crash()
    assert driver.drain("q") == [b"%d" % i for i in range(10)]

def test_purge_pending():
    driver = Driver(delay=1)
    driver.declare("q")
    driver.publish("q", b"1")
    driver.turn()
    driver.access.purge_queue("q")
    driver.settle_down()
    assert driver.ready("q") == 0
    assert driver.broker.memory_bytes() == 0
