"""The outbox example: relay and warehouse are killed, and still each order counts once."""

from __future__ import annotations

from example_runner import Examples, rows


def test_every_event_has_its_effect_once(examples: Examples) -> None:
    shop, warehouse = examples.directory / "shop.sqlite3", examples.directory / "warehouse.sqlite3"
    examples.environment["SHOP_DATABASE"] = str(shop)
    examples.environment["WAREHOUSE_DATABASE"] = str(warehouse)
    examples.play("outbox")
    assert rows(shop, "SELECT status, count(*) FROM orders GROUP BY status ORDER BY status") == [
        ("cancelled", 100),
        ("placed", 300),
    ]
    assert rows(warehouse, "SELECT count(*) FROM inbox") == [(500,)]
    placed = rows(shop, "SELECT id, item FROM orders WHERE status = 'placed' ORDER BY id")
    assert rows(warehouse, "SELECT order_id, item FROM parcels ORDER BY order_id") == placed
    assert rows(warehouse, "SELECT item, count FROM reserved ORDER BY item") == [
        ("samovar", 100),
        ("teapot", 200),
    ]
    assert rows(shop, "SELECT * FROM outbox") == []
