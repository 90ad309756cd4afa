//! Functions, operators and casts of Postgres that are *total*: for no stored value do they fail, give a notice or have an effect.
//!
//! Exact signatures. Each is called by a test with random and extreme arguments (`tests/total.rs`); what raises an error there
//! does not belong here. Limits of memory do not count as errors: a text of half a gigabyte cannot be doubled.
//! A signature `name(type, type{condition}) -> type` may carry conditions on constants:
//!
//! * `{0..}`, `{1..1000}`: a constant within these bounds; `{a|b}`: one of these constants;
//! * `{pattern}`: a constant pattern that does not end in an odd number of backslashes;
//! * `{short}`: a numeric that has at most [`SHORT`] digits before and after its point, by its declared type.
//!
//! Texts must have a deterministic collation for anything but comparisons.

use std::collections::HashMap;
use std::sync::OnceLock;

/// Digits before and after the point of a numeric that counts as short.
pub const SHORT: u32 = 1000;

/// Types whose values can be compared with each other: `=`, `<>`, `<`, `>`, `<=`, `>=` for every pair of a line, and the sorting and
/// hashing that joins, groups and orders do.
const COMPARED: &str = "
int2 int4 int8
float4 float8
numeric
text name
bpchar
bytea
bool
date timestamp timestamptz
time
timetz
interval
uuid
inet
macaddr
oid
jsonb
anyenum
int2[]
int4[]
int8[]
float8[]
numeric[]
text[]
bool[]
date[]
timestamp[]
timestamptz[]
uuid[]
";

const OPERATORS: &str = "
text || text -> text
text ^@ text -> bool
text ~~ text{pattern} -> bool
text !~~ text{pattern} -> bool
text ~~* text{pattern} -> bool
text !~~* text{pattern} -> bool
bpchar ~~ text{pattern} -> bool
bpchar !~~ text{pattern} -> bool
bpchar ~~* text{pattern} -> bool
bpchar !~~* text{pattern} -> bool
name ~~ text{pattern} -> bool
name !~~ text{pattern} -> bool
name ~~* text{pattern} -> bool
name !~~* text{pattern} -> bool
numeric{short} + numeric{short} -> numeric
numeric{short} - numeric{short} -> numeric
numeric{short} * numeric{short} -> numeric
int2 / int2{1..} -> int2
int4 / int4{1..} -> int4
int8 / int8{1..} -> int8
int8 / int4{1..} -> int8
int2 % int2{1..} -> int2
int4 % int4{1..} -> int4
int8 % int8{1..} -> int8
jsonb -> text -> jsonb
jsonb -> int4 -> jsonb
jsonb ->> text -> text
jsonb ->> int4 -> text
jsonb #> text[] -> jsonb
jsonb #>> text[] -> text
jsonb @> jsonb -> bool
jsonb <@ jsonb -> bool
jsonb ? text -> bool
jsonb ?| text[] -> bool
jsonb ?& text[] -> bool
inet << inet -> bool
inet <<= inet -> bool
inet >> inet -> bool
inet >>= inet -> bool
inet && inet -> bool
int4[] @> int4[] -> bool
int4[] <@ int4[] -> bool
int4[] && int4[] -> bool
int8[] @> int8[] -> bool
int8[] <@ int8[] -> bool
int8[] && int8[] -> bool
text[] @> text[] -> bool
text[] <@ text[] -> bool
text[] && text[] -> bool
uuid[] @> uuid[] -> bool
uuid[] <@ uuid[] -> bool
uuid[] && uuid[] -> bool
";

const FUNCTIONS: &str = "
lower(text) -> text
upper(text) -> text
initcap(text) -> text
length(text) -> int4
length(bpchar) -> int4
length(bytea) -> int4
char_length(text) -> int4
char_length(bpchar) -> int4
character_length(text) -> int4
character_length(bpchar) -> int4
octet_length(text) -> int4
octet_length(bpchar) -> int4
octet_length(bytea) -> int4
left(text, int4) -> text
right(text, int4) -> text
btrim(text) -> text
ltrim(text) -> text
rtrim(text) -> text
btrim(text, text) -> text
ltrim(text, text) -> text
rtrim(text, text) -> text
strpos(text, text) -> int4
position(text, text) -> int4
starts_with(text, text) -> bool
reverse(text) -> text
md5(text) -> text
md5(bytea) -> text
ascii(text) -> int4
substr(text, int4) -> text
substr(text, int4, int4{0..}) -> text
substring(text, int4) -> text
substring(text, int4, int4{0..}) -> text
split_part(text, text, int4{1..}) -> text
lpad(text, int4{..1000}) -> text
lpad(text, int4{..1000}, text) -> text
rpad(text, int4{..1000}) -> text
rpad(text, int4{..1000}, text) -> text
translate(text, text, text) -> text
quote_literal(text) -> text
sha256(bytea) -> bytea
abs(numeric) -> numeric
abs(float8) -> float8
abs(float4) -> float4
sign(numeric) -> numeric
sign(float8) -> float8
ceil(float8) -> float8
ceiling(float8) -> float8
floor(float8) -> float8
trunc(float8) -> float8
round(float8) -> float8
ceil(numeric{short}) -> numeric
ceiling(numeric{short}) -> numeric
floor(numeric{short}) -> numeric
trunc(numeric{short}) -> numeric
round(numeric{short}) -> numeric
trunc(numeric{short}, int4{0..1000}) -> numeric
round(numeric{short}, int4{0..1000}) -> numeric
extract(text{year|month|day|hour|minute|second|dow|isodow|doy|week|quarter|isoyear|decade|century|millennium|epoch}, timestamp) -> numeric
extract(text{year|month|day|dow|isodow|doy|week|quarter|isoyear|decade|century|millennium|epoch}, date) -> numeric
extract(text{hour|minute|second}, time) -> numeric
extract(text{year|month|day|hour|minute|second|epoch}, interval) -> numeric
date_part(text{year|month|day|hour|minute|second|dow|isodow|doy|week|quarter|isoyear|decade|century|millennium|epoch}, timestamp) -> float8
date_part(text{hour|minute|second}, time) -> float8
date_part(text{year|month|day|hour|minute|second|epoch}, interval) -> float8
extract(text{epoch}, timestamptz) -> numeric
date_part(text{epoch}, timestamptz) -> float8
date_trunc(text{day|hour|minute|second}, timestamp) -> timestamp
isfinite(date) -> bool
isfinite(timestamp) -> bool
isfinite(timestamptz) -> bool
isfinite(interval) -> bool
host(inet) -> text
family(inet) -> int4
masklen(inet) -> int4
jsonb_typeof(jsonb) -> text
cardinality(int4[]) -> int4
cardinality(int8[]) -> int4
cardinality(text[]) -> int4
cardinality(uuid[]) -> int4
array_length(int4[], int4) -> int4
array_length(int8[], int4) -> int4
array_length(text[], int4) -> int4
array_length(uuid[], int4) -> int4
now() -> timestamptz
transaction_timestamp() -> timestamptz
statement_timestamp() -> timestamptz
";

/// Aggregates: of any number of rows.
const AGGREGATES: &str = "
count(any) -> int8
min(int2) -> int2
min(int4) -> int4
min(int8) -> int8
min(numeric) -> numeric
min(float4) -> float4
min(float8) -> float8
min(text) -> text
min(bpchar) -> bpchar
min(date) -> date
min(timestamp) -> timestamp
min(timestamptz) -> timestamptz
min(time) -> time
min(interval) -> interval
min(inet) -> inet
min(oid) -> oid
min(anyenum) -> anyenum
max(int2) -> int2
max(int4) -> int4
max(int8) -> int8
max(numeric) -> numeric
max(float4) -> float4
max(float8) -> float8
max(text) -> text
max(bpchar) -> bpchar
max(date) -> date
max(timestamp) -> timestamp
max(timestamptz) -> timestamptz
max(time) -> time
max(interval) -> interval
max(inet) -> inet
max(oid) -> oid
max(anyenum) -> anyenum
sum(int2) -> int8
sum(int4) -> int8
sum(int8) -> numeric
sum(numeric{short}) -> numeric
avg(int2) -> numeric
avg(int4) -> numeric
avg(int8) -> numeric
avg(numeric{short}) -> numeric
bool_and(bool) -> bool
bool_or(bool) -> bool
every(bool) -> bool
";

/// `from -> to` by an explicit or implicit cast without a length.
const CASTS: &str = "
int2 -> int4
int2 -> int8
int4 -> int8
int2 -> numeric
int4 -> numeric
int8 -> numeric
int2 -> float4
int2 -> float8
int4 -> float4
int4 -> float8
int8 -> float4
int8 -> float8
float4 -> float8
float4 -> numeric
float8 -> numeric
int4 -> bool
bool -> int4
bpchar -> text
name -> text
text -> name
timestamp -> date
timestamp -> time
time -> interval
bool -> text
int2 -> text
int4 -> text
int8 -> text
float4 -> text
float8 -> text
numeric -> text
date -> text
timestamp -> text
time -> text
interval -> text
uuid -> text
inet -> text
jsonb -> text
json -> text
oid -> text
anyenum -> text
int4[] -> text
text[] -> text
";

/// Of which kind a signature is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `name(a, b)`
    Function,
    /// An aggregate: over any number of rows.
    Aggregate,
    /// `a name b`
    Operator,
    /// `CAST(a AS result)`
    Cast,
}

/// What an argument must be beside its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Anything.
    None,
    /// A constant within these bounds.
    Within(i64, i64),
    /// One of these constants.
    Among(Vec<&'static str>),
    /// A constant pattern for LIKE.
    Pattern,
    /// A numeric of limited length.
    Short,
}

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// What it is.
    pub kind: Kind,
    /// The function's or operator's name; the result's type for a cast.
    pub name: &'static str,
    /// Types of pg_catalog by their stored names, `anyenum`, or `any`; `[]` behind it for arrays.
    pub arguments: Vec<(&'static str, Condition)>,
    /// The result's type.
    pub result: &'static str,
}

impl Signature {
    /// As it stands in the list.
    pub fn text(&self) -> String {
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|(name, condition)| match condition {
                Condition::None => (*name).to_owned(),
                Condition::Within(low, high) => {
                    let bound = |n: i64, open: i64| if n == open { String::new() } else { n.to_string() };
                    format!("{name}{{{}..{}}}", bound(*low, i64::MIN), bound(*high, i64::MAX))
                }
                Condition::Among(words) => format!("{name}{{{}}}", words.join("|")),
                Condition::Pattern => format!("{name}{{pattern}}"),
                Condition::Short => format!("{name}{{short}}"),
            })
            .collect();
        match (self.kind, arguments.as_slice()) {
            (Kind::Operator, [left, right]) => format!("{left} {} {right}", self.name),
            (Kind::Cast, [from]) => format!("CAST({from} AS {})", self.name),
            _ => format!("{}({})", self.name, arguments.join(", ")),
        }
    }
}

/// All signatures, those of comparisons written out.
pub fn signatures() -> &'static [Signature] {
    static ALL: OnceLock<Vec<Signature>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        for group in lines(COMPARED) {
            let types: Vec<&'static str> = group.split(' ').collect();
            for left in &types {
                for right in &types {
                    all.extend(["=", "<>", "<", ">", "<=", ">="].map(|name| Signature {
                        kind: Kind::Operator,
                        name,
                        arguments: vec![(*left, Condition::None), (*right, Condition::None)],
                        result: "bool",
                    }));
                }
            }
        }
        all.extend(lines(OPERATORS).filter_map(operator));
        all.extend(lines(FUNCTIONS).filter_map(|line| function(Kind::Function, line)));
        all.extend(lines(AGGREGATES).filter_map(|line| function(Kind::Aggregate, line)));
        all.extend(lines(CASTS).filter_map(|line| {
            let (from, to) = line.split_once(" -> ")?;
            Some(Signature { kind: Kind::Cast, name: to, arguments: vec![(from, Condition::None)], result: to })
        }));
        all
    })
}

/// Whether there is a function of that name, which is no aggregate.
pub(crate) fn is_function(name: &str) -> bool {
    !named(Kind::Function, name).is_empty()
}

/// The signatures of that kind and name.
pub(crate) fn named(kind: Kind, name: &str) -> &'static [&'static Signature] {
    type Names = HashMap<Kind, HashMap<&'static str, Vec<&'static Signature>>>;
    static NAMES: OnceLock<Names> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let mut names = Names::new();
        for signature in signatures() {
            names.entry(signature.kind).or_default().entry(signature.name).or_default().push(signature);
        }
        names
    });
    names.get(&kind).and_then(|of| of.get(name)).map(Vec::as_slice).unwrap_or_default()
}

/// The list as a page of the documentation.
pub fn document() -> String {
    let mut page = "# Functions that cannot fail\n\n\
        Where every condition of a statement is made of these, a row filter costs nothing: Postgres may run them on rows that the filter\n\
        removes, in whatever order it likes, since nobody can see that it did. Anything else is kept from hidden rows\n\
        ([design](design.md#24-a-row-filter-is-a-barrier)). The list is `policy/src/builtin/total.rs`; a test calls everything on it with extreme and random\n\
        arguments, and writes this page.\n\n\
        `{0..}` is a constant from 0 on, `{a|b}` one of these constants, `{pattern}` a constant that does not end in an odd number of backslashes,\n"
        .to_owned();
    page.push_str(&format!("`{{short}}` a numeric declared with at most {SHORT} digits, or an integer. `[]` is an array.\n\n"));
    page.push_str("Beside these: columns, constants and parameters, AND, OR, NOT, IS NULL and its like, IN, BETWEEN, CASE, COALESCE, NULLIF, GREATEST, LEAST,\n");
    page.push_str("EXISTS, `= ANY`, rows compared by `=` and `<>`.\n\n## Comparisons\n\n");
    page.push_str(
        "`=`, `<>`, `<`, `>`, `<=`, `>=` between any two types of a line, IS DISTINCT FROM, joins, groups and sorts by them:\n\n",
    );
    for line in lines(COMPARED) {
        page.push_str(&format!("- {}\n", line.replace(' ', ", ")));
    }
    for (title, kind) in
        [("Operators", Kind::Operator), ("Functions", Kind::Function), ("Aggregates", Kind::Aggregate), ("Casts", Kind::Cast)]
    {
        page.push_str(&format!("\n## {title}\n\n"));
        let compares = |s: &&Signature| kind == Kind::Operator && matches!(s.name, "=" | "<>" | "<" | ">" | "<=" | ">=");
        for signature in signatures().iter().filter(|s| s.kind == kind && !compares(s)) {
            page.push_str(&format!("- `{}`\n", signature.text()));
        }
    }
    page
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn operator(line: &'static str) -> Option<Signature> {
    let (call, result) = line.rsplit_once(" -> ")?;
    let (left, rest) = call.split_once(' ')?;
    let (name, right) = rest.split_once(' ')?;
    Some(Signature { kind: Kind::Operator, name, arguments: vec![argument(left)?, argument(right)?], result })
}

fn function(kind: Kind, line: &'static str) -> Option<Signature> {
    let (call, result) = line.rsplit_once(" -> ")?;
    let (name, arguments) = call.strip_suffix(')')?.split_once('(')?;
    let arguments = arguments.split(", ").filter(|a| !a.is_empty()).map(argument).collect::<Option<Vec<_>>>()?;
    Some(Signature { kind, name, arguments, result })
}

fn argument(text: &'static str) -> Option<(&'static str, Condition)> {
    let Some((name, condition)) = text.strip_suffix('}').and_then(|t| t.split_once('{')) else { return Some((text, Condition::None)) };
    let condition = match condition {
        "pattern" => Condition::Pattern,
        "short" => Condition::Short,
        other => match other.split_once("..") {
            Some((low, high)) => {
                let bound = |text: &str, open: i64| if text.is_empty() { Some(open) } else { text.parse().ok() };
                Condition::Within(bound(low, i64::MIN)?, bound(high, i64::MAX)?)
            }
            None => Condition::Among(other.split('|').collect()),
        },
    };
    Some((name, condition))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let count = [OPERATORS, FUNCTIONS, AGGREGATES, CASTS].map(|t| lines(t).count()).iter().sum::<usize>();
        let compared: usize = lines(COMPARED).map(|l| l.split(' ').count().pow(2) * 6).sum();
        assert_eq!(signatures().len(), count + compared);
        let mut seen = std::collections::HashSet::new();
        for s in signatures() {
            assert!(seen.insert((s.kind, s.text())), "twice: {}", s.text());
        }
    }

    #[test]
    fn conditions_are_read() {
        let text = |kind, name: &str| named(kind, name).iter().map(|s| s.text()).collect::<Vec<_>>();
        assert!(text(Kind::Function, "substr").contains(&"substr(text, int4, int4{0..})".to_owned()));
        assert!(text(Kind::Operator, "->>").contains(&"jsonb ->> text".to_owned()));
        assert!(text(Kind::Operator, "+").contains(&"numeric{short} + numeric{short}".to_owned()));
        assert!(text(Kind::Function, "lpad").contains(&"lpad(text, int4{..1000})".to_owned()));
        assert_eq!(text(Kind::Operator, "->"), ["jsonb -> text", "jsonb -> int4"]);
    }
}
