"""What the scripts share: who they are, and what a masked value looks like."""

import os
import re

ROLE = os.environ["PGVEIL_ROLE"]
MASKED = ROLE == "analyst"
PSEUDONYM = re.compile(r"u_[0-9a-z]{32}")


def check_email(value):
    if MASKED:
        assert PSEUDONYM.fullmatch(value), value
    else:
        assert "@" in value, value


def check_emails(values):
    values = list(values)
    assert values, "no rows"
    for value in values:
        check_email(value)


def check_person(row):
    """A row of crm.person as a mapping: email, full_name, ssn, dob, salary, ip, address, device."""
    check_email(row["email"])
    assert row["ssn"] is None or ROLE == "admin", row["ssn"]
    if MASKED:
        assert row["full_name"] == "[name]", row["full_name"]
        assert (row["dob"].month, row["dob"].day) == (1, 1), row["dob"]
        assert row["salary"] % 10000 == 0, row["salary"]
        assert str(row["ip"]).endswith(".0/24"), row["ip"]
        assert row["address"]["street"] is None and row["address"]["zip"] > 10000, row["address"]
        assert row["device"].version == 8, row["device"]
        assert row["country"] in ("DE", "AT"), row["country"]
    else:
        assert row["full_name"] != "[name]" and row["address"]["street"], row


def people():
    """How many rows of crm.person the role sees."""
    return 80 if MASKED else 120


def refused(error, names):
    """The words of a refusal: what is named, and what to do instead."""
    text = str(error)
    assert names in text and "pgveil." in text.lower() or "HINT" in text, text
