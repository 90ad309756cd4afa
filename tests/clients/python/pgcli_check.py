"""What pgcli does: its completions, which read the whole catalog; its own backslash commands; queries, on a terminal."""

import os
import sys

import pexpect
from pgcli.completion_refresher import CompletionRefresher
from pgcli.pgexecute import PGExecute
from pgcli.pgcompleter import PGCompleter
from pgspecial.main import PGSpecial

from common import MASKED, PSEUDONYM, check_email, check_emails

execute = PGExecute(database=os.environ["PGDATABASE"], user=os.environ["PGUSER"], password=os.environ["PGPASSWORD"], host=os.environ["PGHOST"],
                    port=os.environ["PGPORT"])

# What completions are made of.
assert {"crm", "adhoc", "pg_catalog"} <= set(execute.schemata())
execute.search_path(), execute.databases(), list(execute.get_socket_directory() for _ in ())
tables = list(execute.tables())
assert ("crm", "person") in tables
assert ("crm", "turnover") in list(execute.views())
columns = [c for c in execute.table_columns() if tuple(c)[:2] == ("crm", "person")]
assert len(columns) == 21 and any(tuple(c)[2] == "email" for c in columns), columns
assert any(tuple(c)[:2] == ("crm", "turnover") for c in execute.view_columns())
assert any("person" in tuple(k) for k in execute.foreignkeys())
assert any(f.func_name == "gross" for f in execute.functions())
assert any(tuple(t)[:2] == ("crm", "mood") for t in execute.datatypes())
list(execute.casing())
done = []
refresher = CompletionRefresher()
refresher.refresh(execute, PGSpecial(), lambda completer: done.append(completer), settings={"generate_casing_file": False})
refresher._completer_thread.join(120)
assert done and "crm" in done[0].dbmetadata["tables"], "completions were not refreshed"

# Statements and special commands, as its shell runs them.
special = PGSpecial()


def run(statement):
    # title, rows, headers, status, statement, success, is_special
    for title, rows, headers, status, _, success, _ in execute.run(statement, pgspecial=special):
        assert success, (statement, status)
        yield title, list(rows) if rows is not None else [], headers, status


for command in (r"\l", r"\l+", r"\dn", r"\dn+", r"\d", r"\d crm.person", r"\d+ crm.person", r"\d crm.*", r"\dt crm.*", r"\dt+ crm.*", r"\dv crm.*", r"\dv+ crm.turnover",
                r"\dm crm.*", r"\di crm.*", r"\ds crm.*", r"\df crm.*", r"\df+ crm.*", r"\sf crm.gross", r"\dT crm.*", r"\dT+ crm.mood", r"\dD crm.*", r"\du",
                r"\du+", r"\db", r"\dx", r"\dp crm.*", r"\ddp", r"\dE", r"\dF", r"\x", r"\x", r"\timing", r"\?"):
    results = list(run(command))
    assert results or command in (r"\d",), command
    if command == r"\d crm.person":
        assert any(row[0] == "email" for row in results[0][1]), results
    if command == r"\dv+ crm.turnover":
        assert results[0][1], results

((_, rows, headers, status),) = run("SELECT id, email, full_name FROM crm.person ORDER BY id LIMIT 3")
assert headers == ["id", "email", "full_name"] and status == "SELECT 3"
check_emails(row[1] for row in rows)
results = list(run("CREATE TABLE adhoc.cli (x int); INSERT INTO adhoc.cli VALUES (1), (2); SELECT sum(x) FROM adhoc.cli; DROP TABLE adhoc.cli"))
assert len(results) == 4 and results[2][1] == [(3,)], results
if MASKED:
    ((_, _, _, status, _, success, _),) = execute.run("SELECT upper(email) FROM crm.person", pgspecial=special, on_error_resume=True,
                                                     exception_formatter=lambda error: str(error))
    assert not success and "crm.person.email" in status and "HINT" in status, status
assert execute.view_definition("crm.turnover") and "gross" in execute.function_definition("crm.gross")

# On a terminal.
child = pexpect.spawn(os.path.join(os.path.dirname(sys.executable), "pgcli"), ["--less-chatty", "--no-password"], timeout=120, encoding="utf-8", dimensions=(60, 250),
                      env={**os.environ, "PAGER": "cat", "TERM": "xterm"})
child.expect("db_[0-9]+>")
child.sendline("SELECT 'e:' || count(*) || ':e' FROM crm.person;")
child.expect("e:80:e" if MASKED else "e:120:e")
child.sendline("SELECT email FROM crm.person WHERE id = 1;")
child.expect(PSEUDONYM.pattern if MASKED else "[ilou]+@[ilou]+")
child.sendline(r"\q")
child.expect(pexpect.EOF)
child.close()
assert child.exitstatus == 0, child.exitstatus
