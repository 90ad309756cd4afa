//! libpg_query: Postgres' own grammar, and its tree without locations.

use pg_query::protobuf::ScanToken;
use pg_query::{Error, NodeEnum};
use serde::ser::{self, Serialize};

use crate::{Refusal, SqlState};

/// A statement as Postgres cut it from the text.
pub(super) struct Raw<'a> {
    /// In characters from the beginning of the text.
    pub offset: usize,
    pub text: &'a str,
    /// Where the text begins, in bytes.
    pub start: i32,
    /// It is a client's: places in it are kept.
    pub client: bool,
    pub node: NodeEnum,
}

/// Splits a text by Postgres' own grammar.
pub(super) fn statements(sql: &str) -> Result<Vec<Raw<'_>>, Refusal> {
    let parsed = pg_query::parse(sql, 0).map_err(|error| syntax_error(sql, error))?;
    let lost = || Refusal::new(SqlState::UNSUPPORTED, "read.boundary", "pgveil lost track of where a statement begins");
    let mut statements = Vec::with_capacity(parsed.protobuf.stmts.len());
    let (mut counted, mut offset) = (0, 0);
    for raw in parsed.protobuf.stmts {
        let start = usize::try_from(raw.stmt_location).map_err(|_| lost())?;
        let length = usize::try_from(raw.stmt_len).map_err(|_| lost())?;
        // A length of 0 means: to the end of the text.
        let end = if length == 0 { sql.len() } else { start.saturating_add(length) };
        let text = sql.get(start..end).ok_or_else(lost)?;
        offset += sql.get(counted..start).ok_or_else(lost)?.chars().count();
        counted = start;
        let node = raw.stmt.and_then(|node| node.node).ok_or_else(lost)?;
        statements.push(Raw { offset, text, start: raw.stmt_location, client: true, node });
    }
    Ok(statements)
}

/// The statement that a text is; `None` where it is not exactly one.
pub(super) fn one(sql: &str) -> Result<Option<NodeEnum>, Refusal> {
    let mut statements = statements(sql)?;
    Ok(match (statements.pop(), statements.is_empty()) {
        (Some(raw), true) => Some(raw.node),
        _ => None,
    })
}

/// Postgres' own tokens of a text, comments among them; `None` where it cannot be cut into tokens.
pub(super) fn tokens(sql: &str) -> Option<Vec<ScanToken>> {
    // The crate must not be asked about a text without a token: it makes a slice of a null pointer.
    if sql.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)) {
        return Some(Vec::new());
    }
    pg_query::scan_tokens(sql).ok()
}

/// Postgres' words for a text that it does not read.
fn syntax_error(sql: &str, error: Error) -> Refusal {
    match error {
        Error::Parse(message) if message.contains("stack depth") || message.contains("memory exhausted") => {
            Refusal::new(SqlState::TOO_COMPLEX, "read.depth", "the statement is nested more deeply than the parser reads")
        }
        Error::Parse(message) => {
            let position = error_position(sql, &message);
            Refusal::new(SqlState::SYNTAX, "read.syntax", message).at(position)
        }
        _ => Refusal::new(SqlState::SYNTAX, "read.syntax", "the statement cannot be read"),
    }
}

/// In longer texts, in bytes, no place is tried: each try costs as much as reading the text.
const TRIED: usize = 256 * 1024;

/// libpg_query's Rust crate drops the position. It is that of the token named in the message; where there are several of its kind, of the
/// first with which the text already fails: what ends before it is only unfinished.
fn error_position(sql: &str, message: &str) -> Option<usize> {
    let after = |start: usize| Some(sql.get(..start)?.chars().count() + 1);
    if message.ends_with("at end of input") {
        return after(sql.len());
    }
    let near = message.split_once(" at or near \"")?.1.strip_suffix('"')?;
    let Some(tokens) = tokens(sql) else {
        // No end of a string, comment or name: named is all that is left.
        return after(sql.strip_suffix(near)?.len());
    };
    let place = |token: &ScanToken| Some((usize::try_from(token.start).ok()?, usize::try_from(token.end).ok()?));
    let places: Vec<_> = tokens.iter().filter_map(place).filter(|(start, end)| sql.get(*start..*end) == Some(near)).collect();
    let fails = |end: usize| {
        sql.get(..end).is_some_and(|begun| matches!(pg_query::parse(begun, 0), Err(Error::Parse(said)) if said.as_str() == message))
    };
    match places.as_slice() {
        [(start, _)] => after(*start),
        _ if sql.len() > TRIED => None,
        several => after(several.get(several.partition_point(|(_, end)| !fails(*end)))?.0),
    }
}

/// A tree of libpg_query without locations, so that equal trees mean equal statements.
///
/// Fields that hold their type's default are left out; a `Node` stands as what it holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Nothing,
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<Tree>),
    Node(&'static str, Vec<(&'static str, Tree)>),
}

/// Byte positions in the text: all of libpg_query's fields of these names that are integers (`CreateTableSpaceStmt.location`,
/// which is a folder, is text and stays).
const LOCATIONS: &[&str] = &[
    "location",
    "stmt_location",
    "stmt_len",
    "list_start",
    "list_end",
    "rexpr_list_start",
    "rexpr_list_end",
    "arg_location",
    "name_location",
    "payload_location",
    "conninfo_location",
];

impl Tree {
    pub(super) fn of(node: &NodeEnum) -> Result<Tree, Refusal> {
        node.serialize(Builder)
            .map_err(|_| Refusal::new(SqlState::UNSUPPORTED, "read.tree", "the statement holds a construct that pgveil cannot compare"))
    }

    /// The name of a node, or `""`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Tree::Node(kind, _) => kind,
            Tree::Nothing | Tree::Bool(_) | Tree::Int(_) | Tree::Text(_) | Tree::List(_) => "",
        }
    }

    /// A node's field; `None` where it holds its default.
    pub(super) fn field(&self, name: &str) -> Option<&Tree> {
        match self {
            Tree::Node(_, fields) => fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// A field that holds a list; empty where it is not given.
    pub(super) fn list(&self, name: &str) -> &[Tree] {
        match self.field(name) {
            Some(Tree::List(items)) => items,
            _ => &[],
        }
    }

    /// A field that holds text; empty where it is not given.
    pub(super) fn text(&self, name: &str) -> &str {
        match self.field(name) {
            Some(Tree::Text(text)) => text,
            _ => "",
        }
    }

    /// The names in a list of `String` nodes; `None` where anything else is among them.
    pub(super) fn names(&self, field: &str) -> Option<Vec<&str>> {
        self.list(field).iter().map(|item| (item.kind() == "String").then(|| item.text("sval"))).collect()
    }

    /// The highest number of a `$n` in it.
    pub(super) fn parameters(&self) -> usize {
        match self {
            Tree::Node("ParamRef", _) => match self.field("number") {
                Some(Tree::Int(number)) => usize::try_from(*number).unwrap_or(0),
                _ => 0,
            },
            Tree::Node(_, fields) => fields.iter().map(|(_, value)| value.parameters()).max().unwrap_or(0),
            Tree::List(items) => items.iter().map(Tree::parameters).max().unwrap_or(0),
            Tree::Nothing | Tree::Bool(_) | Tree::Int(_) | Tree::Text(_) => 0,
        }
    }

    /// The kind of the first node, from above, at which two trees part; `None` where they are equal.
    pub(super) fn parting(&self, other: &Tree) -> Option<&'static str> {
        if self == other {
            return None;
        }
        let inner = match (self, other) {
            (Tree::Node(kind, _), Tree::Node(also, _)) if kind != also => Some(*kind),
            (Tree::Node(_, fields), Tree::Node(..)) => {
                fields.iter().find_map(|(name, value)| other.field(name).and_then(|of_other| value.parting(of_other)))
            }
            (Tree::List(items), Tree::List(others)) if items.len() == others.len() => {
                items.iter().zip(others).find_map(|(item, of_other)| item.parting(of_other))
            }
            _ => None,
        };
        match (inner, self.kind()) {
            (Some(kind), _) if !kind.is_empty() => Some(kind),
            (_, own) => Some(own),
        }
    }

    fn is_default(&self) -> bool {
        match self {
            Tree::Nothing | Tree::Bool(false) | Tree::Int(0) => true,
            Tree::Text(text) => text.is_empty(),
            Tree::List(items) => items.is_empty(),
            Tree::Bool(true) | Tree::Int(_) | Tree::Node(..) => false,
        }
    }
}

/// Builds a [`Tree`] from anything of libpg_query's that can be serialized.
struct Builder;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unknown(String);

impl ser::Error for Unknown {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Unknown(message.to_string())
    }
}

struct Items(Vec<Tree>);

struct Fields(&'static str, Vec<(&'static str, Tree)>);

macro_rules! refuse {
    ($($method:ident: $type:ty),*) => { $(
        fn $method(self, _: $type) -> Result<Tree, Unknown> {
            Err(Unknown(stringify!($type).to_owned()))
        }
    )* };
}

macro_rules! integers {
    ($($method:ident: $type:ty),*) => { $(
        fn $method(self, value: $type) -> Result<Tree, Unknown> {
            Ok(Tree::Int(i64::from(value)))
        }
    )* };
}

impl ser::Serializer for Builder {
    type Ok = Tree;
    type Error = Unknown;
    type SerializeSeq = Items;
    type SerializeTuple = ser::Impossible<Tree, Unknown>;
    type SerializeTupleStruct = ser::Impossible<Tree, Unknown>;
    type SerializeTupleVariant = ser::Impossible<Tree, Unknown>;
    type SerializeMap = ser::Impossible<Tree, Unknown>;
    type SerializeStruct = Fields;
    type SerializeStructVariant = ser::Impossible<Tree, Unknown>;

    integers!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64);
    integers!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32);
    // libpg_query's trees have none of these in a statement's raw tree; a comparison must not guess what they mean.
    refuse!(serialize_f32: f32, serialize_char: char, serialize_bytes: &[u8]);

    fn serialize_f64(self, value: f64) -> Result<Tree, Unknown> {
        Ok(Tree::Text(format!("{:016x}", value.to_bits())))
    }

    fn serialize_u64(self, value: u64) -> Result<Tree, Unknown> {
        i64::try_from(value).map(Tree::Int).map_err(ser::Error::custom)
    }

    fn serialize_bool(self, value: bool) -> Result<Tree, Unknown> {
        Ok(Tree::Bool(value))
    }

    fn serialize_str(self, value: &str) -> Result<Tree, Unknown> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn serialize_none(self) -> Result<Tree, Unknown> {
        Ok(Tree::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Tree, Unknown> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Tree, Unknown> {
        Ok(Tree::Nothing)
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<Tree, Unknown> {
        Ok(Tree::Node(name, Vec::new()))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Tree, Unknown> {
        Ok(Tree::Node(variant, Vec::new()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Tree, Unknown> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Tree, Unknown> {
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, Unknown> {
        Ok(Items(Vec::with_capacity(length.unwrap_or(0))))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields, Unknown> {
        Ok(Fields(name, Vec::new()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unknown> {
        Err(Unknown("tuple".to_owned()))
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Unknown> {
        Err(Unknown(name.to_owned()))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unknown> {
        Err(Unknown(name.to_owned()))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unknown> {
        Err(Unknown("map".to_owned()))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unknown> {
        Err(Unknown(name.to_owned()))
    }
}

impl ser::SerializeSeq for Items {
    type Ok = Tree;
    type Error = Unknown;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unknown> {
        self.0.push(value.serialize(Builder)?);
        Ok(())
    }

    fn end(self) -> Result<Tree, Unknown> {
        Ok(Tree::List(self.0))
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = Tree;
    type Error = Unknown;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unknown> {
        let value = value.serialize(Builder)?;
        let location = matches!(value, Tree::Int(_)) && LOCATIONS.contains(&name);
        if !location && !value.is_default() {
            self.1.push((name, value));
        }
        Ok(())
    }

    fn end(self) -> Result<Tree, Unknown> {
        let Fields(name, mut fields) = self;
        if name != "Node" {
            return Ok(Tree::Node(name, fields));
        }
        Ok(fields.pop().map_or(Tree::Nothing, |(_, held)| held))
    }
}
