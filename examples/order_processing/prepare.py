"""Makes the tables and fills the shelves, once, before the services run: `python -m examples.order_processing.prepare 1000`

That is a step of its own, because services that start together would all try to make the same tables.
"""

from __future__ import annotations

import asyncio
import sys

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from . import database


async def prepare(engine: AsyncEngine, teapots: int) -> None:
    """Tables without rows, but for the teapots in stock."""
    async with engine.begin() as transaction:
        await transaction.run_sync(database.metadata.create_all)
        for table in database.metadata.sorted_tables:
            await transaction.execute(delete(table))
        await transaction.execute(insert(database.stock).values(item="teapot", available=teapots))


async def main(teapots: int) -> None:
    engine = database.connect()
    try:
        await prepare(engine, teapots)
    finally:
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
