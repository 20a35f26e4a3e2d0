"""From every head to every other: what is the same at the other end, what is lost and what becomes something else."""

from __future__ import annotations

from broker_process import BrokerProcess
from conformance.tables import body_of_bytes, case_table, matrix, tables_in


def test_the_matrix_is_as_documented(broker: BrokerProcess) -> None:
    found = matrix(broker) + "\n\n" + body_of_bytes(broker)
    print(found)
    assert found == tables_in("matrix.md"), (
        "PYTHONPATH=src:tests python tests/conformance/tables.py writes it"
    )


def test_the_list_of_cases_is_as_documented() -> None:
    found = case_table()
    print(found)
    assert found == tables_in("conformance.md"), (
        "PYTHONPATH=src:tests python tests/conformance/tables.py writes it"
    )
