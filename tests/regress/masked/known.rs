//! Where pgveil answers otherwise than Postgres, without refusing: to be mended. None of these shows anything protected.

/// File, how the statement begins (in one line), why.
pub const KNOWN: &[(&str, &str, &str)] = &[
    ("select", "SELECT * FROM nocols n, LATERAL (VALUES(n.*)) v", "a row without columns has no name to be found by"),
    ("subselect", "select view_a from view_a", "a whole row of a view has no origin"),
    ("returning", "UPDATE foo SET f2 = foo_v.f2 FROM foo_v WHERE foo_v.f1 = foo.f1 RETURNING foo_v", "a whole row of a view has no origin"),
    ("with", "select * from v_cycle2", "a view with CYCLE … TO … DEFAULT is not read"),
];
