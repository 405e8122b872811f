"""Each folder under cases/ is one rule, broken and kept, on both engines."""

from pathlib import Path

import pytest

from pwrbot.repository.check.findings import as_text
from pwrbot.repository.check.rules import RULES
from pwrbot.repository.check.tables import TABLE_RULES
from pwrbot.repository.url import PostgresURL, parse_url
from tests.repository.check.cases import CASES, findings


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_a_case_is_told_as_expected(case: Path, tmp_path: Path, postgres_url: str) -> None:
    postgres = parse_url(postgres_url)
    assert isinstance(postgres, PostgresURL)
    queries = tmp_path / "queries"
    queries.mkdir()
    told = [
        line.replace(f"{case}/", "").replace(f"{tmp_path}/", "")
        for line in as_text(findings(case, queries, postgres), queries)
    ]
    # Findings are ordered by file, and which of the two folders comes first differs by machine.
    expected = (case / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(told) == sorted(expected)


def test_every_rule_says_what_it_wants() -> None:
    rules = (*RULES, *TABLE_RULES)
    assert [rule.__name__ for rule in rules if not (rule.__doc__ or "").endswith(".")] == []
