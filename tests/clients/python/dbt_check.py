"""What dbt does with the project in dbt/: each command as its users call it, models of every kind, twice, so that incremental ones add."""

import json
import os
import sys
import tempfile

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dbt")
# The same in the processes that dbt starts, which import this file again.
made = os.environ.setdefault("DBT_CHECK_FOLDER", tempfile.mkdtemp())
os.environ.update(DO_NOT_TRACK="1", DBT_PROJECT_DIR=here, DBT_PROFILES_DIR=here, DBT_TARGET_PATH=f"{made}/target", DBT_LOG_PATH=f"{made}/logs")

import psycopg
from dbt.cli.main import dbtRunner

from common import MASKED, check_emails, people

runner = dbtRunner()


def dbt(*words, least=1):
    result = runner.invoke(["--no-use-colors", "--no-send-anonymous-usage-stats", "--no-version-check", *words])
    if result.exception:
        raise result.exception
    results = getattr(result.result, "results", None)
    bad = [f"{r.node.name}: {r.message}" for r in results or [] if str(r.status) not in ("success", "pass", "no-op")]
    assert result.success and not bad, (words, bad)
    if results is not None:
        assert len(results) >= least, (words, results)
    sys.stdout.flush()


def rows(sql):
    with psycopg.connect("") as connection:
        return connection.execute(sql).fetchall()


def main():
    dbt("debug")
    dbt("parse")
    dbt("list")
    dbt("seed")
    dbt("run", least=9)
    assert rows("SELECT count(*) FROM adhoc.signups_append") == [(60,)]
    dbt("run", least=9)
    assert rows("SELECT count(*) > 60 FROM adhoc.signups_append") == [(True,)]
    for table in ("signups_delete_insert", "signups_merge"):
        assert rows(f"SELECT count(*), count(DISTINCT email) FROM adhoc.{table}") == [(60, 60)], table
        check_emails(email for (email,) in rows(f"SELECT email FROM adhoc.{table}"))
    check_emails(email for (email,) in rows("SELECT email FROM adhoc.people"))
    check_emails(email for (email,) in rows("SELECT email FROM adhoc.active"))
    assert rows("SELECT count(*), count(DISTINCT full_name) FROM adhoc.people") == [(people(), 1 if MASKED else people())]
    # What was kept joins with what is masked anew.
    if MASKED:
        assert rows("SELECT count(*) FROM adhoc.signups_merge s JOIN adhoc.people p ON p.email = s.email") == [(40,)]
    dbt("snapshot", least=2)
    dbt("snapshot", least=2)
    check_emails(email for (email,) in rows("SELECT email FROM adhoc.person_history"))
    dbt("test", least=9)
    if not MASKED:
        # It makes a schema of its own for them, which the analyst may not.
        dbt("test", "--store-failures", "--select", "people")
    dbt("source", "freshness", least=2)
    dbt("docs", "generate")
    catalog = json.load(open(f"{made}/target/catalog.json"))
    assert "email" in catalog["sources"]["source.crm.crm.person"]["columns"] and "email" in catalog["nodes"]["model.crm.people"]["columns"]
    assert not catalog["errors"], catalog["errors"]
    dbt("compile")
    dbt("show", "--select", "people", "--limit", "3")
    dbt("run", "--full-refresh", "--select", "signups_append", "people+", "active")
    dbt("build", "--select", "weights+")
    dbt("run", "--empty", "--select", "people")


# They have nothing to do.
if __name__ == "__main__":
    main()
