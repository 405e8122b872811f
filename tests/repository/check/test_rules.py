"""Each folder under cases/ is one rule, broken and kept, on both engines."""

from pathlib import Path

import pytest

from pwrbot.repository.check.findings import as_text
from pwrbot.repository.check.rules import RULES
from pwrbot.repository.url import PostgresURL, parse_url
from tests.repository.check.cases import CASES, findings


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_a_case_is_told_as_expected(case: Path, tmp_path: Path, postgres_url: str) -> None:
    postgres = parse_url(postgres_url)
    assert isinstance(postgres, PostgresURL)
    told = [
        line.replace(f"{case}/", "")
        for line in as_text(findings(case, tmp_path, postgres), tmp_path)
    ]
    # Findings are ordered by file, and which of the two folders comes first differs by machine.
    expected = (case / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(told) == sorted(expected)


def test_every_rule_says_what_it_wants() -> None:
    assert [rule.__name__ for rule in RULES if not (rule.__doc__ or "").endswith(".")] == []
