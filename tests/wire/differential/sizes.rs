//! Sizes at and beyond the limits of the protocol: the same answers.

use super::super::message;
use super::compare::{Verdict, Whose, compare};
use super::ground::Ground;
use super::speak::{End, Line, Split};

fn same(what: &str, script: &[Vec<u8>]) {
    let ground = Ground::shared();
    for (role, whose) in [("admin", Whose::Admin), ("analyst", Whose::Masked)] {
        let theirs = Line::new(ground.direct(role)).run(script, End::Reset, Split::Whole);
        let ours = Line::new(ground.veiled(role)).run(script, End::Reset, Split::Whole);
        let verdict = compare(whose, &theirs, &ours);
        if verdict != Verdict::Equal {
            panic!("{what}, {role}: {:.3000}", format!("{verdict:?}"));
        }
    }
}

pub(super) fn query(text: &str) -> Vec<u8> {
    message(b'Q', &[text.as_bytes(), b"\0"].concat())
}

pub(super) fn parse(name: &str, text: &str, types: &[u32]) -> Vec<u8> {
    let mut body = [name.as_bytes(), b"\0", text.as_bytes(), b"\0"].concat();
    body.extend((types.len() as u16).to_be_bytes());
    body.extend(types.iter().flat_map(|t| t.to_be_bytes()));
    message(b'P', &body)
}

pub(super) fn bind(portal: &str, name: &str, formats: &[u16], values: &[Option<&[u8]>], results: &[u16]) -> Vec<u8> {
    let mut body = [portal.as_bytes(), b"\0", name.as_bytes(), b"\0"].concat();
    let codes = |body: &mut Vec<u8>, codes: &[u16]| {
        body.extend((codes.len() as u16).to_be_bytes());
        body.extend(codes.iter().flat_map(|c| c.to_be_bytes()));
    };
    codes(&mut body, formats);
    body.extend((values.len() as u16).to_be_bytes());
    for value in values {
        match value {
            None => body.extend((-1_i32).to_be_bytes()),
            Some(v) => {
                body.extend((v.len() as u32).to_be_bytes());
                body.extend_from_slice(v);
            }
        }
    }
    codes(&mut body, results);
    message(b'B', &body)
}

pub(super) fn run(portal: &str) -> Vec<u8> {
    [message(b'D', &[b"P", portal.as_bytes(), b"\0"].concat()), message(b'E', &[portal.as_bytes(), &[0; 5]].concat())].concat()
}

pub(super) fn sync() -> Vec<u8> {
    message(b'S', b"")
}

#[test]
fn columns() {
    for count in [1, 2, 1663, 1664, 1665] {
        let list = (0..count).map(|n| format!("{n} AS c{n}")).collect::<Vec<_>>().join(", ");
        let text = format!("SELECT {list}");
        let formats: Vec<u16> = (0..count).map(|n| n as u16 % 2).collect();
        same(&format!("{count} columns"), &[query(&text), parse("", &text, &[]), bind("", "", &[], &[], &formats), run(""), sync()]);
    }
    same(
        "no column, from nothing",
        &[
            query("SELECT; SELECT WHERE false; SELECT UNION ALL SELECT; SELECT count(*) FROM (SELECT) AS x"),
            parse("", "SELECT", &[]),
            bind("", "", &[], &[], &[1]),
            run(""),
            sync(),
        ],
    );
    same(
        "no column",
        &[
            query("SELECT FROM w.plain WHERE id < 4"),
            parse("", "SELECT FROM w.plain WHERE id < 4", &[]),
            bind("", "", &[], &[], &[1]),
            run(""),
            sync(),
        ],
    );
}

#[test]
fn bodies_that_do_not_decode() {
    let started = bind("", "", &[], &[], &[]);
    for (what, bytes) in [
        ("a query without its end", message(b'Q', b"SELECT 1")),
        ("a query with bytes after its end", message(b'Q', b"SELECT 1\0x")),
        ("an empty body for a query", message(b'Q', b"")),
        ("Flush with a body", message(b'H', b"x")),
        ("Parse without a text", message(b'P', b"\0SELECT 1")),
        ("Parse without parameters", message(b'P', b"\0SELECT 1\0")),
        ("Parse with fewer types than it says", message(b'P', b"\0SELECT 1\0\0\x02\0\0\0\x17")),
        ("Parse with a negative number of types", message(b'P', b"\0SELECT 1\0\xff\xff")),
        ("Parse with bytes after its end", message(b'P', b"\0SELECT 1\0\0\0x")),
        ("Bind cut short", message(b'B', b"\0\0\0\0\0")),
        ("Bind of nothing, cut short", message(b'B', b"\0nothing\0\0\0\0")),
        ("Bind without a name", message(b'B', b"\0noth")),
        ("Bind with bytes after its end", message(b'B', &[&started[5..], b"x"].concat())),
        ("Describe of something else", message(b'D', b"X\0")),
        ("Describe of something else, and more", message(b'D', b"X\0y")),
        ("Describe of nothing", message(b'D', b"")),
        ("Close of something else", message(b'C', b"X\0")),
        ("Close without a name", message(b'C', b"S")),
        ("Execute cut short", message(b'E', b"\0\0\0")),
        ("Execute with bytes after its end", message(b'E', b"\0\0\0\0\0x")),
    ] {
        let after = [parse("", "SELECT 2", &[]), bind("", "", &[], &[], &[]), run(""), sync(), query("SELECT 3")];
        same(what, &[&[parse("", "SELECT 1", &[]), bytes.clone()][..], &after].concat());
        same(&format!("{what}, in a transaction"), &[&[query("BEGIN"), query("SELECT nope"), bytes][..], &after].concat());
    }
}

#[test]
fn a_sync_among_the_data_of_a_copy() {
    let copy = || [parse("", "COPY w.sink FROM STDIN", &[]), bind("", "", &[], &[], &[]), message(b'E', &[0; 5])].concat();
    let (good, bad, done) = (|n: i32| message(b'd', format!("{n}\tx\n").as_bytes()), message(b'd', b"nonsense\n"), message(b'c', b""));
    let rest = || [query("SELECT 1"), parse("", "SELECT 2", &[]), bind("", "", &[], &[], &[]), run(""), sync()].concat();
    for (what, script) in [
        ("before wrong data", vec![copy(), sync(), bad.clone(), done.clone(), sync(), rest()]),
        ("behind it", vec![copy(), bad.clone(), sync(), rest()]),
        ("behind it, and more data", vec![copy(), sync(), good(801), bad.clone(), sync(), good(802), sync(), done.clone(), rest()]),
        ("behind it, and never ended", vec![copy(), bad.clone(), good(803), sync(), good(804), rest()]),
        ("right data", vec![copy(), sync(), good(805), sync(), done.clone(), sync(), rest()]),
        ("and the client fails", vec![copy(), sync(), good(806), message(b'f', b"no\0"), sync(), rest()]),
        ("of a simple query", vec![query("COPY w.sink FROM STDIN"), good(807), sync(), bad, sync(), sync(), good(808), rest()]),
        ("of right data", vec![query("COPY w.sink FROM STDIN"), good(809), sync(), done, sync(), rest()]),
    ] {
        same(what, &[vec![query("BEGIN")], script.clone()].concat());
        same(&format!("{what}, without a transaction"), &[script, vec![query("DELETE FROM w.sink WHERE id > 800")]].concat());
    }
}

#[test]
fn parameters() {
    for count in [1_usize, 1000, 65_534, 65_535] {
        let text = format!("SELECT $1::int4, ${count}::int4");
        let four = 4_u32.to_be_bytes();
        let values = vec![Some(&four[..]); count];
        same(&format!("{count} parameters"), &[parse("", &text, &vec![23; count]), bind("", "", &[1], &values, &[1]), run(""), sync()]);
        let formats: Vec<u16> = (0..count).map(|n| n as u16 % 2).collect();
        let values: Vec<Option<&[u8]>> = (0..count).map(|n| [Some(&b"7"[..]), Some(&four[..])][n % 2]).collect();
        same(
            &format!("{count} parameters, mixed"),
            &[parse("", &text, &vec![23; count]), bind("", "", &formats, &values, &[]), run(""), sync()],
        );
    }
    // Each written in the text.
    let list = (1..=65_535).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    let values: Vec<Option<&[u8]>> = (0..65_535).map(|n| [Some(&b"7"[..]), None][usize::from(n == 65_534)]).collect();
    let text = format!("SELECT id FROM w.plain WHERE id IN ({list})");
    same("65,535 parameters written", &[parse("", &text, &[]), bind("", "", &[], &values, &[]), run(""), sync()]);
    same("one too many", &[parse("", "SELECT $65536::int", &[]), sync(), parse("", "SELECT $0::int", &[]), sync()]);
}

#[test]
fn types_in_text_and_binary() {
    let values: Vec<(&str, &str)> = vec![
        ("bool", "t"),
        ("int2", "-7"),
        ("int4", "7"),
        ("int8", "9000000000"),
        ("float4", "1.5"),
        ("float8", "-0"),
        ("numeric", "12.340"),
        ("text", "a'b\\c é"),
        ("varchar", ""),
        ("bpchar", "ab "),
        ("name", "n"),
        ("bytea", "\\x00ff"),
        ("date", "2020-02-29"),
        ("time", "12:13:14.5"),
        ("timetz", "12:00+02"),
        ("timestamp", "2020-01-01 01:02:03"),
        ("timestamptz", "2020-01-01 01:02:03+05"),
        ("interval", "1 mon 2 days"),
        ("uuid", "00000000-0000-0000-0000-00000000abcd"),
        ("inet", "10.0.0.1/8"),
        ("cidr", "10.0.0.0/8"),
        ("macaddr", "08:00:2b:01:02:03"),
        ("json", "{\"a\": 1}"),
        ("jsonb", "{\"a\": [1, null]}"),
        ("xml", "<a/>"),
        ("point", "(1,2)"),
        ("box", "(1,1),(0,0)"),
        ("bit", "1"),
        ("varbit", "0101"),
        ("money", "12.34"),
        ("oid", "77"),
        ("_int4", "{1,NULL,3}"),
        ("_text", "{a,\"b c\",NULL}"),
        ("int4range", "[1,5)"),
        ("tsvector", "'a':1 'b'"),
        ("tsquery", "'a' & 'b'"),
        ("w.short", "dom"),
    ];
    let mut script = Vec::new();
    for (name, value) in &values {
        for (n, results) in [[0_u16].as_slice(), &[1], &[0, 1]].into_iter().enumerate() {
            let text = format!("SELECT $1::{name} AS a, $2::{name} AS b");
            script.push(parse("", &text, &[]));
            script.push(message(b'D', b"S\0"));
            let second = if n == 0 { None } else { Some(value.as_bytes()) };
            script.push(bind("", "", &[], &[Some(value.as_bytes()), second], results));
            script.push(run(""));
            script.push(sync());
        }
    }
    same("types", &script);
}

#[test]
fn long_pipelines_and_names() {
    let mut script = vec![parse("p", "SELECT $1::int + 1", &[])];
    for n in 0..4_000 {
        let value = n.to_string();
        script.push([bind("", "p", &[], &[Some(value.as_bytes())], &[1]), message(b'E', &[0; 5])].concat());
        if n % 1000 == 999 {
            script.push(sync());
        }
    }
    script.push(message(b'S', b"").repeat(4_000));
    same("16,000 messages", &script);
    let long = "x".repeat(9_000);
    same(
        "long names",
        &[
            parse(&long, "SELECT 1", &[]),
            bind(&long, &long, &[], &[], &[]),
            run(&long),
            sync(),
            parse(&long[..80], "SELECT 2", &[]),
            sync(),
            parse(&long[..62], "SELECT 3", &[]),
            bind("", &long[..70], &[], &[], &[]),
            run(""),
            sync(),
            message(b'C', &[b"S", &long.as_bytes()[..64], b"\0"].concat()),
            message(b'D', &[b"S", &long.as_bytes()[..63], b"\0"].concat()),
            sync(),
        ],
    );
}

#[test]
fn large_values() {
    // Larger than what is kept of a Bind.
    let large = vec![b'x'; 3 << 20];
    let asked = "SELECT length($1), $2, length($3::text), $4";
    let values = [Some(&large[..]), Some(&b"between"[..]), Some(&large[..]), None];
    same("a Bind of 6 MB", &[parse("a", asked, &[25, 25]), bind("p", "a", &[0], &values, &[0, 1, 0, 1]), run("p"), sync()]);
    same(
        "a Bind of 6 MB of which one too few is bound",
        &[parse("a", asked, &[25, 25]), bind("p", "a", &[0], &values[..3], &[]), run("p"), sync()],
    );
    same("to no statement", &[bind("p", "a", &[0], &values, &[]), run("p"), sync()]);
    same(
        "after an error",
        &[parse("a", asked, &[25, 25]), run("q"), bind("p", "a", &[0], &values, &[]), run("p"), sync(), query("SELECT 1")],
    );
    same(
        "two in one stretch",
        &[parse("", asked, &[25, 25]), bind("", "", &[], &values, &[]), run(""), bind("", "", &[], &values, &[1]), run(""), sync()],
    );
    same(
        "and back",
        &[parse("", "SELECT $1::text, id FROM w.plain WHERE id < 3", &[]), bind("", "", &[], &values[..1], &[1, 0]), run(""), sync()],
    );
    same("as no number", &[parse("", "SELECT $1::int", &[]), bind("", "", &[], &values[..1], &[]), run(""), sync()]);
}
