//! What drivers and tools say in their startup packet and right after it, for every kind of role.
//!
//! As libpq, pgjdbc, Npgsql, psycopg, asyncpg, node-postgres, postgres.js, tokio-postgres, sqlx, pgx, lib/pq, psqlODBC, Rails, Laravel, Postgrex,
//! Django, pgAdmin, DBeaver and DataGrip are known to; those that run in `make test-clients` were seen to.

use std::sync::OnceLock;

use pgveil_tests::world::Proxy;

use super::*;

const POLICY: &str = "version = 1\nunclassified = \"clear\"\n[class.secret]\ncolumns = [\"s.t.secret\"]\n\
    [role.admin]\ndefault = \"clear\"\n[role.looker]\ndefault = \"clear\"\nread_only = true\n\
    [role.veiled]\nread_only = true\ndefault = \"clear\"\n[role.veiled.mask]\nsecret = \"null\"\n\
    [role.sealed]\ndefault = \"clear\"\n[role.sealed.mask]\nsecret = \"hash\"\n";

/// One of each kind: masks and read-only, pseudonyms, read-only without masks, nothing withheld.
const ROLES: [&str; 4] = ["veiled", "sealed", "looker", "admin"];

struct Driver {
    name: &'static str,
    startup: &'static [(&'static str, &'static str)],
    then: &'static [&'static str],
}

const DRIVERS: &[Driver] = &[
    Driver { name: "libpq", startup: &[("application_name", "x")], then: &[] },
    Driver { name: "psql", startup: &[("application_name", "psql"), ("client_encoding", "UTF8")], then: &[] },
    Driver { name: "psql in a C locale", startup: &[("application_name", "psql"), ("client_encoding", "SQL_ASCII")], then: &[] },
    Driver {
        name: "PGOPTIONS and PGDATESTYLE, PGTZ",
        startup: &[
            ("options", "-c statement_timeout=5min -c lock_timeout=10s -c geqo=off"),
            ("datestyle", "ISO, DMY"),
            ("timezone", "UTC"),
        ],
        then: &[],
    },
    Driver {
        name: "pg_dump",
        startup: &[("application_name", "pg_dump")],
        then: &[
            "SELECT pg_catalog.set_config('search_path', '', false)",
            "SET DATESTYLE = ISO",
            "SET INTERVALSTYLE = POSTGRES",
            "SET extra_float_digits TO 3",
            "SET synchronize_seqscans TO off",
            "SET statement_timeout = 0",
            "SET lock_timeout = 0",
            "SET idle_in_transaction_session_timeout = 0",
            "SET row_security = off",
        ],
    },
    Driver {
        name: "pgjdbc",
        startup: &[
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO"),
            ("TimeZone", "Europe/Berlin"),
            ("extra_float_digits", "2"),
            ("application_name", "PostgreSQL JDBC Driver"),
            ("search_path", "s,public"),
            ("options", "-c statement_timeout=90000"),
        ],
        then: &[
            "SET extra_float_digits = 3",
            "SET application_name = 'PostgreSQL JDBC Driver'",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
            "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "SHOW TRANSACTION ISOLATION LEVEL",
        ],
    },
    Driver { name: "pgjdbc, other settings", startup: &[("replication", "false"), ("extra_float_digits", "3")], then: &[] },
    Driver {
        name: "DBeaver",
        startup: &[("client_encoding", "UTF8"), ("DateStyle", "ISO"), ("TimeZone", "UTC"), ("extra_float_digits", "2")],
        then: &[
            "SET application_name = 'DBeaver 24.3.0 - Main <shop>'",
            "SET search_path = s, public, \"$user\"",
            "SELECT current_schema(), session_user",
            "SHOW search_path",
            "SELECT version()",
        ],
    },
    Driver {
        name: "DataGrip",
        startup: &[("client_encoding", "UTF8"), ("DateStyle", "ISO"), ("TimeZone", "UTC"), ("extra_float_digits", "2")],
        then: &[
            "SET application_name = 'DataGrip 2024.3'",
            "select version()",
            "set search_path = \"public\"",
            "SHOW TRANSACTION ISOLATION LEVEL",
        ],
    },
    Driver {
        name: "Metabase",
        startup: &[("client_encoding", "UTF8"), ("DateStyle", "ISO"), ("TimeZone", "GMT"), ("application_name", "Metabase v0.52 [x]")],
        then: &["SET SESSION TIMEZONE TO 'Europe/Berlin'", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"],
    },
    Driver {
        name: "Npgsql, Power BI",
        startup: &[
            ("client_encoding", "UTF8"),
            ("application_name", "Mashup Engine"),
            ("search_path", "public"),
            ("TimeZone", "Etc/UTC"),
            ("options", "-c idle_session_timeout=0"),
        ],
        then: &[
            "DISCARD ALL",
            "CLOSE ALL",
            "UNLISTEN *",
            "SELECT pg_advisory_unlock_all()",
            "DISCARD SEQUENCES",
            "DISCARD TEMP",
            "RESET ALL",
            "SET SESSION AUTHORIZATION DEFAULT",
        ],
    },
    Driver {
        name: "old Npgsql",
        startup: &[("ssl_renegotiation_limit", "0")],
        then: &["SET statement_timeout = 30000", "SET client_min_messages TO notice"],
    },
    Driver {
        name: "psycopg",
        startup: &[("client_encoding", "utf-8"), ("options", "-c search_path=s")],
        then: &[
            "SET client_encoding TO 'UTF8'",
            "SET default_transaction_isolation TO 'serializable'",
            "SET default_transaction_read_only TO 'on'",
        ],
    },
    Driver {
        name: "asyncpg",
        startup: &[("client_encoding", "'utf-8'"), ("jit", "off"), ("application_name", "x"), ("search_path", "s")],
        then: &[
            "SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new",
            "SELECT set_config('jit', 'on', false)",
            "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;",
        ],
    },
    Driver {
        name: "SQLAlchemy",
        startup: &[("client_encoding", "'utf-8'")],
        then: &["select pg_catalog.version()", "select current_schema()", "show standard_conforming_strings"],
    },
    Driver {
        name: "node-postgres",
        startup: &[
            ("client_encoding", "UTF8"),
            ("application_name", "x"),
            ("statement_timeout", "60000"),
            ("lock_timeout", "1000"),
            ("idle_in_transaction_session_timeout", "1000"),
            ("options", "-c search_path=s"),
        ],
        then: &["SET TIME ZONE 'UTC'"],
    },
    Driver {
        name: "postgres.js",
        startup: &[("client_encoding", "'utf-8'"), ("application_name", "postgres.js")],
        then: &[
            "select b.oid, b.typarray from pg_catalog.pg_type a left join pg_catalog.pg_type b on b.oid = a.typelem where a.typcategory = 'A' group by b.oid, b.typarray order by b.oid",
        ],
    },
    Driver {
        name: "tokio-postgres",
        startup: &[("client_encoding", "UTF8"), ("options", "-c\\ search_path=s"), ("application_name", "x")],
        then: &[],
    },
    Driver {
        name: "sqlx",
        startup: &[
            ("DateStyle", "ISO, MDY"),
            ("client_encoding", "UTF8"),
            ("TimeZone", "UTC"),
            ("extra_float_digits", "2"),
            ("application_name", "x"),
            ("options", "-c statement_timeout=5000"),
        ],
        then: &[],
    },
    Driver {
        name: "pgx",
        startup: &[
            ("timezone", "UTC"),
            ("search_path", "s"),
            ("standard_conforming_strings", "on"),
            ("client_encoding", "UTF8"),
            ("plan_cache_mode", "force_custom_plan"),
        ],
        then: &["deallocate all"],
    },
    Driver { name: "lib/pq", startup: &[("client_encoding", "UTF8"), ("datestyle", "ISO, MDY"), ("extra_float_digits", "2")], then: &[] },
    Driver {
        name: "psqlODBC, Tableau, Excel",
        startup: &[("application_name", "Tableau"), ("client_encoding", "UTF8")],
        then: &[
            "SET DateStyle = 'ISO';SET extra_float_digits = 2;show transaction_isolation",
            "set client_encoding to 'UTF8'",
            "select oid, typbasetype from pg_type where typname = 'lo'",
            "SELECT 1;SET statement_timeout = 0",
        ],
    },
    Driver {
        name: "Rails",
        startup: &[("application_name", "bin/rails"), ("client_encoding", "unicode")],
        then: &[
            "SET client_min_messages TO 'warning'",
            "SET standard_conforming_strings = on",
            "SET intervalstyle = iso_8601",
            "SET SESSION timezone TO 'UTC'",
            "SHOW max_identifier_length",
            "SET client_encoding TO 'unicode'",
        ],
    },
    Driver {
        name: "Laravel, PDO",
        startup: &[("options", "--client_encoding=UTF8")],
        then: &[
            "set names 'utf8'",
            "set time zone \"UTC\"",
            "set search_path to \"public\"",
            "set application_name to 'Laravel'",
            "set session characteristics as transaction isolation level read committed",
        ],
    },
    Driver { name: "Postgrex", startup: &[("application_name", "x"), ("search_path", "s"), ("statement_timeout", "5s")], then: &[] },
    Driver {
        name: "Django",
        startup: &[("client_encoding", "UTF8"), ("options", "-c default_transaction_isolation=read\\ committed")],
        then: &["SELECT set_config('TimeZone', 'UTC', false)", "SET default_transaction_isolation TO DEFAULT"],
    },
    Driver {
        name: "pgAdmin",
        startup: &[("application_name", "pgAdmin 4 - DB:shop"), ("client_encoding", "utf-8")],
        then: &[
            "SET DateStyle=ISO; SET client_min_messages=notice; SELECT set_config('bytea_output','hex',false) FROM pg_show_all_settings() WHERE name = 'bytea_output'; SET client_encoding='utf-8';",
        ],
    },
    Driver {
        name: "all that may be set",
        startup: &[
            ("IntervalStyle", "iso_8601"),
            ("bytea_output", "escape"),
            ("client_min_messages", "WARNING"),
            ("default_transaction_isolation", "repeatable read"),
            ("default_transaction_read_only", "on"),
            ("default_transaction_deferrable", "off"),
            ("idle_session_timeout", "0"),
            ("jit", "on"),
            ("tcp_keepalives_idle", "0"),
            ("synchronous_commit", "off"),
            ("xmloption", "document"),
            ("search_path", "\"$user\", s, public"),
            ("work_mem", "64MB"),
        ],
        then: &[],
    },
];

struct Place {
    proxy: Proxy,
    database: String,
}

fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let world = World::get();
        let database = world.database("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS id, 'x' AS secret");
        Place { proxy: world.proxy(POLICY, &ROLES.map(|role| (role, role))), database }
    })
}

fn connect(role: &str, settings: &[(&str, &str)]) -> Result<Client, Fields> {
    let Place { proxy, database } = place();
    let mut login = Login::local(proxy.addr().port(), database, role, &proxy.password(role));
    login.settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Client::connect(&login)
}

#[test]
fn every_driver_gets_in_and_sets_itself_up() {
    let mut faults = Vec::new();
    for Driver { name, startup, then } in DRIVERS {
        // What the server itself refuses is no fault of ours.
        let settings = startup.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut direct = Client::connect(&Login { settings, ..Stage::get().plain(&place().database) });
        for role in ROLES {
            let mut client = match (connect(role, startup), &direct) {
                (Ok(client), _) => client,
                (Err(error), Ok(_)) => {
                    faults.push(format!("{name} as {role}: {error:?}"));
                    continue;
                }
                (Err(_), Err(_)) => continue,
            };
            for text in *then {
                let answer = client.query(text);
                let expected = direct.as_mut().map(|direct| direct.query(text)).unwrap_or_default();
                if answer.error().is_some() && expected.error().is_none() {
                    faults.push(format!("{name} as {role}: {text}: {:?}", answer.error()));
                }
            }
            if role != "admin" {
                let encoding = client.parameters.get("client_encoding").map(String::as_str);
                if encoding != Some("UTF8") {
                    faults.push(format!("{name} as {role}: client_encoding is {encoding:?}"));
                }
            }
            let mut of_rows = client.query("RESET ALL; SELECT secret FROM s.t");
            of_rows.messages.retain(|m| !matches!(m, Message::ParameterStatus(..)));
            let clear = of_rows.raw_rows().flatten().flatten().any(|v| v == b"x");
            if of_rows.error().is_some() || clear != matches!(role, "admin" | "looker") {
                faults.push(format!("{name} as {role}: {of_rows:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// What is taken has the effect that it has without pgveil.
#[test]
fn what_is_taken_is_in_force() {
    let settings = [
        ("TimeZone", "Asia/Tokyo"),
        ("DateStyle", "German"),
        ("extra_float_digits", "3"),
        ("IntervalStyle", "iso_8601"),
        ("bytea_output", "escape"),
        ("statement_timeout", "77s"),
        ("options", "-c lock_timeout=55s -c search_path=s"),
        ("application_name", "mine"),
        ("default_transaction_isolation", "serializable"),
    ];
    for role in ROLES {
        let mut client = connect(role, &settings).unwrap();
        for (name, value) in [
            ("TimeZone", "Asia/Tokyo"),
            ("DateStyle", "German, DMY"),
            ("extra_float_digits", "3"),
            ("IntervalStyle", "iso_8601"),
            ("bytea_output", "escape"),
            ("statement_timeout", "77s"),
            ("lock_timeout", "55s"),
            ("search_path", "s"),
            ("application_name", "mine"),
            ("default_transaction_isolation", "serializable"),
        ] {
            assert_eq!(client.query(&format!("SHOW {name}")).table(), value, "{role} {name}");
        }
        assert_eq!((client.parameters["TimeZone"].as_str(), client.parameters["application_name"].as_str()), ("Asia/Tokyo", "mine"));
    }
}

/// What is left out is said, and is not in force.
#[test]
fn what_is_left_out_is_told_in_a_notice() {
    let Place { proxy, database } = place();
    for role in ["veiled", "sealed", "looker"] {
        for (name, value) in
            [("work_mem", "77MB"), ("plan_cache_mode", "force_generic_plan"), ("options", "-c geqo=off"), ("client_encoding", "SQL_ASCII")]
        {
            let mut client = Client::open("127.0.0.1", proxy.addr().port());
            client.send(&startup(0, &[("user", role), ("database", database), (name, value)]));
            let notices = notices_of_startup(&mut client, &proxy.password(role));
            assert!(notices.len() == 1 && notices[0][&'M'].contains("for your role"), "{role} {name}: {notices:?}");
            assert_eq!(client.query("SHOW work_mem").table(), "4MB");
            assert_eq!(client.query("SHOW plan_cache_mode").table(), "auto");
        }
    }
}

/// Refused, with the way out.
#[test]
fn other_encodings_are_refused_with_a_hint() {
    for role in ["veiled", "sealed"] {
        for value in ["LATIN1", "WIN1252", "'latin-1'", "EUC_JP", "nonsense"] {
            let error = connect(role, &[("client_encoding", value)]).expect_err("another encoding");
            assert_eq!((error[&'C'].as_str(), error[&'H'].contains("utf8")), ("22023", true), "{value}: {error:?}");
        }
    }
    assert!(connect("admin", &[("client_encoding", "LATIN1")]).is_ok());
}

/// SCRAM by hand, and the notices up to the first ReadyForQuery.
pub fn notices_of_startup(client: &mut Client, password: &str) -> Vec<Fields> {
    use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
    let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
    let mut notices = Vec::new();
    loop {
        match client.receive().unwrap() {
            Message::Other('R', body) => {
                let reply = match body[3] {
                    10 => {
                        let first = scram.message();
                        [&b"SCRAM-SHA-256\0"[..], &(first.len() as u32).to_be_bytes(), first].concat()
                    }
                    11 => {
                        scram.update(&body[4..]).unwrap();
                        scram.message().to_vec()
                    }
                    _ => continue,
                };
                client.send(&message(b'p', &reply));
            }
            Message::Notice(fields) => notices.push(fields),
            Message::Error(fields) => panic!("{fields:?}"),
            Message::ReadyForQuery(_) => return notices,
            _ => {}
        }
    }
}
