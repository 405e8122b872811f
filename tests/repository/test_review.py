"""``pwrbot sql review``: over a small repository of the test's own, which starts as this one is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pwrbot.cli import main
from pwrbot.repository.migrations.statements import Step
from pwrbot.repository.review import ReviewError, review
from pwrbot.repository.review.locks import locks
from pwrbot.repository.review.page import MARKER, code, fenced
from pwrbot.repository.sql_files import sql_directory

HOUSE = sql_directory().parent
ENVIRON = {
    **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.invalid",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.invalid",
}


class Clone:
    """A repository whose branch ``main`` is the house as it is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", self.path, *arguments],
            env=ENVIRON,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def change(self, name: str, old: str, new: str) -> None:
        path = self.path / name
        text = path.read_text()
        assert old in text, f"{name} is not what this test thinks"
        path.write_text(text.replace(old, new, 1))

    def add(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)

    def migration(self, identity: str, forth: str, back: str = "SELECT 1;\n") -> None:
        for engine in ("sqlite", "postgres"):
            self.add(f"sql/migrations/{engine}/{identity}.sql", forth)
            self.add(f"sql/migrations/{engine}/{identity}.rollback.sql", back)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "A change")

    def page(self, given: str = "main..HEAD", url: str = "", **options: int) -> str:
        environ = {"TEST_DATABASE_URL": url} if url else {}
        return review(given, environ, directory=self.path, limit=options.get("limit"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    clone = Clone(tmp_path_factory.mktemp("original"))
    for part in ("pwrbot", "sql"):
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(HOUSE / part, clone.path / part, ignore=ignored)
    clone.git("init", "--quiet", "--initial-branch=main")
    clone.commit()
    return clone


@pytest.fixture
def clone(original: Clone, tmp_path: Path) -> Clone:
    shutil.copytree(original.path, tmp_path / "clone")
    clone = Clone(tmp_path / "clone")
    clone.git("checkout", "--quiet", "-b", "branch")
    return clone


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next of its level."""
    level = heading.split(" ")[0]
    found = re.search(rf"(?ms)^{re.escape(heading)}$(.*?)(?=^#{{1,{len(level)}}} |\Z)", page)
    assert found is not None, page
    return found[1]


def test_nothing_changed(clone: Clone) -> None:
    clone.add("README.md", "Something else.\n")
    clone.change("sql/queries/subscribers.sql", "-- The subscriber", "-- Who is told: the one")
    clone.change("sql/queries/subscribers.sql", "WHERE kind = :kind", "WHERE  kind  =  :kind")
    clone.commit()
    page = clone.page()
    assert page.startswith(f"{MARKER}\n# What this changes in the SQL")
    assert "**Nothing changed**" in page
    assert clone.page("HEAD..HEAD").count("**Nothing changed**") == 1


def test_a_query_added(clone: Clone, postgres_url: str) -> None:
    clone.add(
        "sql/queries/subscribers.sql",
        "\n-- name: of_kind :many\n-- Subscribers of a kind; ties cannot be.\n"
        "SELECT\n    kind,\n    target_id,\n    id\nFROM subscribers\nWHERE kind = :kind\n"
        "ORDER BY target_id, id\nLIMIT :limit;\n",
    )
    clone.change(
        "pwrbot/repository/feeds.py",
        "    async def ensure(self, *, kind",
        "    async def of_kind(\n        self, *, kind: SubscriberKind, limit: int\n"
        "    ) -> list[Subscriber]: ...\n\n"
        "    async def ensure(self, *, kind",
    )
    clone.commit()
    page = clone.page(url=postgres_url)
    assert "queries: 1 added, 0 changed, 0 gone\n" in page
    told = section(page, "### `subscribers.of_kind`")
    assert "`:many`, `sql/queries/subscribers.sql:" in told
    assert "kind: " in told
    assert "limit: int" in told
    assert "target_id: int" in told
    assert "into Subscriber" in told
    assert "Plan on SQLite:" in told
    assert "SEARCH subscribers USING" in told
    assert "Plan on PostgreSQL:" in told
    assert "subscribers_kind_target_id_key" in told
    assert "was not asked" not in page


def test_a_query_changed(clone: Clone, postgres_url: str) -> None:
    clone.change(
        "sql/queries/feed_items.sql", "ORDER BY published_at DESC, item_id", "ORDER BY url, item_id"
    )
    clone.change(
        "sql/queries/feed_items.sql", "WHERE feed_id = :feed_id", "WHERE feed_id <> :feed_id"
    )
    clone.commit()
    told = section(clone.page(url=postgres_url), "### `feed_items.latest`")
    assert "-SEARCH feed_items USING INDEX feed_items_published (feed_id=?)" in told
    assert re.search(r"(?m)^\+SCAN feed_items", told)
    assert "Plan on PostgreSQL" in told
    assert "-WHERE feed_id = :feed_id\n" in told
    assert "+WHERE feed_id <> :feed_id\n" in told
    assert "Parameters" not in told


def test_a_query_gone_and_its_calls(clone: Clone) -> None:
    clone.change(
        "sql/queries/subscribers.sql",
        (clone.path / "sql/queries/subscribers.sql").read_text().split("-- name: ensure")[0],
        "",
    )
    text = (clone.path / "pwrbot/repository/feeds.py").read_text()
    declared = re.search(r"    async def by_target\(.*?\.\.\.\n\n", text, re.DOTALL)
    assert declared is not None
    clone.change("pwrbot/repository/feeds.py", declared[0], "")
    caller = "async def who(tx):\n    await tx.subscribers.by_target(kind='dm', target_id=1)\n"
    clone.add("pwrbot/services/caller.py", caller)
    clone.commit()
    page = clone.page()
    assert "queries: 0 added, 0 changed, 1 gone" in page
    assert "## Queries gone\n\n### `subscribers.by_target`" in page
    assert "pwrbot/services/caller.py:2: subscribers.by_target(): this method is gone" in section(
        page, "## What does not fit"
    )


def test_calls_that_do_not_fit(clone: Clone) -> None:
    clone.change(
        "pwrbot/repository/feeds.py",
        "async def latest(self, *, feed_id: int)",
        "async def latest(self, *, feed: int)",
    )
    clone.add(
        "pwrbot/services/caller.py",
        "async def who(tx, given):\n"
        "    await tx.feed_items.page(feed_id=1, limit=1)\n"
        "    await tx.feed_items.page(feed_id=1, limit=1, offset=0, colour=3)\n"
        "    await tx.feed_items.page(1, limit=1, offset=0)\n"
        "    await tx.feed_items.page(**given)\n"
        "    await tx.feed_items.insert()\n"
        "    await tx.feed_items.anything_else()\n",
    )
    clone.commit()
    told = section(clone.page(), "## What does not fit")
    place = "pwrbot/services/caller.py"
    assert f"{place}:2: feed_items.page(): needs offset too" in told
    assert f"{place}:3: feed_items.page(): takes no colour" in told
    assert f"{place}:4: feed_items.page(): takes 0 arguments by place, 1 are given" in told
    assert f"{place}:6: feed_items.insert(): needs" in told
    assert f"{place}:5" not in told
    assert f"{place}:7" not in told
    # Nor does the method fit its query any more.
    assert re.search(r"(?m)^(sql|pwrbot)/.*feed_items\.latest: .*feed", told)


def test_an_index_is_lost(clone: Clone, postgres_url: str) -> None:
    """The texts are the same; what it means is not."""
    clone.migration("9001.no_index", "DROP INDEX feed_items_published;\n")
    clone.commit()
    page = clone.page(url=postgres_url)
    assert "-SEARCH feed_items USING INDEX feed_items_published" in section(
        page, "### `feed_items.page`"
    )
    assert "-CREATE INDEX feed_items_published" in section(page, "## Schema")
    told = section(page, "### `9001.no_index`")
    assert "* SQLite: new." in told
    assert "Locks: the whole database against writing" in told
    assert (
        "Lock, line 1, `DROP INDEX feed_items_published`: ACCESS EXCLUSIVE on"
        " `feed_items_published`, blocks reads and writes" in told
    )
    assert "Taking it back: nothing is done." in told


def test_a_migration_that_deletes_what_is_derived(clone: Clone, postgres_url: str) -> None:
    clone.migration(
        "9001.no_months",
        "-- derived voice_member_totals: days stay\nDELETE FROM voice_member_totals;\n",
        "INSERT INTO voice_member_totals SELECT * FROM voice_member_totals WHERE FALSE;\n",
    )
    clone.commit()
    told = section(clone.page(url=postgres_url), "### `9001.no_months`")
    assert told.count("**derived**, line 2: `deletes rows of voice_member_totals`") == 2
    assert "the reason given: `days stay`" in told


def test_a_destructive_migration_that_breaks_the_last_release(
    clone: Clone, postgres_url: str
) -> None:
    clone.migration(
        "9001.no_covers",
        "-- destructive: nobody ever <b>saw</b> @everyone `them`\n"
        "ALTER TABLE feeds DROP COLUMN cover_url;\n",
        "ALTER TABLE feeds ADD COLUMN cover_url TEXT;\n",
    )
    clone.commit()
    page = clone.page(url=postgres_url)
    told = section(page, "### `9001.no_covers`")
    assert told.count("**destructive**, line 2: `drops column feeds.cover_url`") == 2
    assert "the reason given: `` nobody ever <b>saw</b> @everyone `them` ``" in told
    assert (
        "Taking it back: 1 statement; **what was destroyed comes back from a backup only**" in told
    )
    assert "ACCESS EXCLUSIVE on `feeds`" in told
    broken = section(page, "## What would break a process of the last release")
    assert "feeds.select of 0.1.0 [sqlite]" in broken
    assert "feeds.select of 0.1.0 [postgres]" in broken
    assert "**SQLite refuses it**: `no such column: cover_url`" in page


def test_a_migration_that_was_edited_and_one_taken_away(clone: Clone) -> None:
    for engine in ("sqlite", "postgres"):
        clone.change(
            f"sql/migrations/{engine}/0004.bot_meta.sql", "value TEXT NOT NULL", "value TEXT"
        )
    clone.commit()
    assert "* SQLite: **edited**." in section(clone.page(), "### `0004.bot_meta`")
    clone.migration("9001.cats", "CREATE TABLE cats (id INTEGER PRIMARY KEY);\n")
    clone.commit()
    clone.git("checkout", "--quiet", "-b", "without")
    clone.git("revert", "--no-edit", "HEAD")
    told = section(clone.page("branch..without"), "### `9001.cats`")
    assert told.count("**taken away**") == 2


def test_a_migration_that_does_not_apply(clone: Clone) -> None:
    clone.migration("9001.wrong", "CREATE TABEL cats (id INTEGER);\n")
    clone.commit()
    told = section(clone.page(), "## What does not fit")
    assert "[sqlite] sql/migrations/sqlite/9001.wrong.sql:1" in told
    assert str(clone.path) not in told


def test_only_what_the_branch_changed(clone: Clone) -> None:
    """main went on meanwhile: that is not the branch's doing."""
    clone.git("checkout", "--quiet", "main")
    clone.change("sql/queries/feed_items.sql", "LIMIT 1;", "LIMIT 2;")
    clone.commit()
    clone.git("checkout", "--quiet", "branch")
    clone.add("README.md", "Something else.\n")
    clone.commit()
    assert "**Nothing changed**" in clone.page()
    assert "feed_items.latest" in clone.page("branch..main")


def test_the_work_tree_is_left_alone(clone: Clone) -> None:
    (clone.path / "sql" / "queries" / "subscribers.sql").write_text("not even SQL")
    before = clone.git("status", "--porcelain")
    assert "**Nothing changed**" in clone.page()
    assert clone.git("status", "--porcelain") == before
    assert clone.git("stash", "list") == ""


def test_code_that_cannot_be_imported(clone: Clone) -> None:
    clone.add("pwrbot/entities.py", "\nraise RuntimeError('no')\n")
    clone.commit()
    page = clone.page()
    assert "its code cannot be asked: RuntimeError: no" in section(page, "## What does not fit")


def test_secrets_do_not_reach_the_other_version(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "hunter2")
    clone.add("pwrbot/entities.py", "\nimport os\nassert 'DISCORD_TOKEN' not in os.environ\n")
    clone.commit()
    assert "cannot be asked" not in clone.page()


def test_a_long_page_is_cut_short(clone: Clone) -> None:
    clone.migration("9001.no_index", "DROP INDEX feed_items_published;\n")
    clone.commit()
    full = clone.page()
    assert clone.page(limit=len(full)) == full
    brief = clone.page(limit=len(full) - 1)
    assert len(brief) < len(full)
    assert "<details>" not in brief
    assert "### `feed_items.page`" in brief
    assert "This page was cut short" in brief
    assert len(clone.page(limit=600)) <= 600


def test_a_server_that_does_not_answer(clone: Clone) -> None:
    page = clone.page(url="postgresql://nobody:hunter2@127.0.0.1:1/nothing")
    assert "PostgreSQL was not asked (" in page
    assert "hunter2" not in page


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("main", "is no range of revisions"),
        ("", "is no range of revisions"),
        ("..", "is no range of revisions"),
        ("nowhere..HEAD", "there is no revision 'nowhere'"),
        ("main..--output=x", "there is no revision '--output=x'"),
        ("main..HEAD:sql", "there is no revision 'HEAD:sql'"),
    ],
)
def test_what_is_no_range(clone: Clone, given: str, told: str) -> None:
    with pytest.raises(ReviewError, match=re.escape(told)) as caught:
        clone.page(given)
    assert caught.value.exit_code == 2


def test_no_commit_in_common(clone: Clone) -> None:
    clone.git("checkout", "--quiet", "--orphan", "other")
    clone.commit()
    with pytest.raises(ReviewError, match="no commit in common"):
        clone.page("main..other")


def test_not_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ReviewError, match="is not in a git repository"):
        review("main..HEAD", {}, directory=tmp_path)


def test_the_command(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.chdir(clone.path / "sql")  # anywhere inside will do
    assert main(["sql", "review", "main..HEAD"]) == 0
    assert "**Nothing changed**" in capsys.readouterr().out
    assert main(["sql", "review", "main..nowhere"]) == 2
    assert "pwrbot: there is no revision 'nowhere'" in capsys.readouterr().err


def test_text_is_never_markup() -> None:
    assert code("a") == "`a`"
    assert code("a`b``c") == "```a`b``c```"
    assert code("`") == "`` ` ``"
    assert code("two\nlines") == "`two lines`"
    assert fenced(["```", "@everyone"]) == ["````", "```", "@everyone", "````"]


@pytest.mark.parametrize(
    ("statement", "level", "table"),
    [
        ("CREATE TABLE cats (id BIGINT)", "", "cats"),
        ("CREATE TABLE cats (id BIGINT REFERENCES feeds (id))", "SHARE ROW EXCLUSIVE", "feeds"),
        ("CREATE UNIQUE INDEX i ON feeds (name)", "SHARE", "feeds"),
        ("CREATE INDEX CONCURRENTLY i ON feeds (name)", "SHARE UPDATE EXCLUSIVE", "feeds"),
        (
            "CREATE TRIGGER t AFTER INSERT ON feeds EXECUTE FUNCTION f()",
            "SHARE ROW EXCLUSIVE",
            "feeds",
        ),
        ("CREATE VIEW v AS SELECT 1 AS one", "", ""),
        ("ALTER TABLE ONLY feeds ADD COLUMN x TEXT", "ACCESS EXCLUSIVE", "feeds"),
        ("ALTER TABLE feeds ALTER COLUMN x SET NOT NULL", "ACCESS EXCLUSIVE", "feeds"),
        ("ALTER TABLE feeds VALIDATE CONSTRAINT c", "SHARE UPDATE EXCLUSIVE", "feeds"),
        ("ALTER TABLE items ATTACH PARTITION feeds DEFAULT", "ACCESS EXCLUSIVE", "feeds"),
        ("CREATE TABLE items PARTITION OF feeds DEFAULT", "ACCESS EXCLUSIVE", "feeds"),
        (
            "ALTER TABLE feeds ADD CONSTRAINT c FOREIGN KEY (x) REFERENCES y (id)",
            "SHARE ROW EXCLUSIVE",
            "feeds",
        ),
        ("DROP TABLE IF EXISTS feeds", "ACCESS EXCLUSIVE", "feeds"),
        ("DROP TRIGGER t ON feeds", "ACCESS EXCLUSIVE", "feeds"),
        ("INSERT INTO pwrbot.feeds (id) VALUES (1)", "ROW EXCLUSIVE", "feeds"),
        ("UPDATE feeds SET name = 'x'", "ROW EXCLUSIVE", "feeds"),
        ("DELETE FROM ONLY feeds", "ROW EXCLUSIVE", "feeds"),
        ("SELECT 1", "ACCESS SHARE", ""),
        ("TRUNCATE TABLE feeds", "ACCESS EXCLUSIVE", "feeds"),
        ("DO $$ BEGIN END $$", "ACCESS EXCLUSIVE", ""),
        ("COMMENT ON TABLE feeds IS 'x'", "SHARE UPDATE EXCLUSIVE", "feeds"),
        ("SET LOCAL work_mem = '1MB'", "", ""),
    ],
)
def test_locks(statement: str, level: str, table: str) -> None:
    (lock,) = locks([Step(statement, 7)])
    assert (lock.level, lock.table, lock.line) == (level, table, 7)


def test_nobody_waits_for_a_table_of_the_same_migration() -> None:
    steps = [Step("CREATE TABLE cats (id BIGINT)", 1), Step("CREATE INDEX i ON cats (id)", 2)]
    assert [lock.level for lock in locks(steps)] == ["", ""]


def test_who_waits_for_a_new_partition_waits_for_the_whole() -> None:
    steps = [
        Step("CREATE TABLE cats (id BIGINT)", 1),
        Step("ALTER TABLE feeds ATTACH PARTITION cats DEFAULT", 2),
    ]
    found = [(lock.level, lock.table) for lock in locks(steps)]
    assert found[1] == ("SHARE UPDATE EXCLUSIVE", "feeds")
