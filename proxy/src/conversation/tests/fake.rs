//! A judge that reads a language of its own, and both sides' messages in words.

use std::cell::RefCell;
use std::sync::Arc;

use pgveil_policy::mask::seal::{SealForm, SealSpec};
use pgveil_policy::policy::Limits;
use pgveil_policy::{
    Act, Argument, Carry, CopyData, CopyForm, Kind, Mask, NullParameter, Origin, Output, Plan, Planned, Refusal, SqlState, SqlText,
    TokenParameter,
};

use super::super::{Conversation, End, Judge, Out};
use crate::rows::{Pseudonym, Unsealable};
use crate::wire::answer::{self, Report};
use crate::wire::frame;
use crate::wire::message::{self, Target};

/// Reads `rows` and a pattern of columns: `s` sealed (relation 9, attribute 1), `-` clear (9, 2), `v` veiled (9, 3).
#[derive(Debug, Default)]
pub struct FakeJudge {
    pub paths: RefCell<Vec<Vec<String>>>,
    /// Tables of its own that the session sees.
    pub own: RefCell<Vec<String>>,
    /// What one statement may give.
    limits: Limits,
    asked: u32,
}

impl FakeJudge {
    pub fn within(limits: Limits) -> Self {
        FakeJudge { limits, ..FakeJudge::default() }
    }
}

#[derive(Debug)]
struct Sign;

impl Pseudonym for Sign {
    fn text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        out.push(b'#');
        out.extend_from_slice(&value.to_ascii_lowercase());
        Ok(())
    }

    fn binary(&self, value: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        out.push(b'%');
        out.extend_from_slice(&value.to_ascii_lowercase());
        Ok(())
    }

    fn open_text(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        let value = token.strip_prefix(b"t").ok_or(Unsealable)?;
        out.extend_from_slice(value);
        Ok(())
    }

    fn open_binary(&self, token: &[u8], out: &mut Vec<u8>) -> Result<(), Unsealable> {
        self.open_text(token, out)
    }
}

impl Judge for FakeJudge {
    fn judge(&self, search_path: &[String], sql: &str) -> Result<Arc<Plan>, Refusal> {
        self.paths.borrow_mut().push(search_path.to_vec());
        let mut plan = Plan::default();
        let mut start = 0;
        for one in sql.split(';') {
            let here = start;
            start += one.len() + 1;
            if one.is_empty() {
                continue;
            }
            if plan.statements.last().is_some_and(Planned::moves_under_others) {
                plan.rest = Some(here);
                break;
            }
            // Tables that the session has made.
            if let Some(table) = one.strip_prefix("rows own ")
                && !self.own.borrow().iter().any(|t| t == table)
            {
                return Err(Refusal::new(SqlState::UNDEFINED_TABLE, "name.relation", "unknown"));
            }
            plan.statements.push(planned(one)?);
            plan.starts.push(here);
        }
        Ok(Arc::new(plan))
    }

    fn witness(&self, outputs: &[Output], origins: &[(u32, i16)]) -> Result<(), usize> {
        let bad = |(o, (relation, attribute)): (&Output, &(u32, i16))| (*relation, *attribute) == (9, 1) && o.mask == Mask::Clear;
        outputs.iter().zip(origins).position(bad).map_or(Ok(()), Err)
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn role(&self) -> &str {
        "reader"
    }

    fn filters_may_fail(&self) -> bool {
        false
    }

    fn generation(&self) -> u64 {
        0
    }

    fn hears(&self, channel: &str) -> bool {
        channel == "open"
    }

    fn has_own(&self) -> bool {
        !self.own.borrow().is_empty()
    }

    fn own_is_outdated(&self) -> bool {
        false
    }

    fn has_changed(&mut self) {}

    fn ask_own(&mut self) -> Vec<String> {
        self.asked = 1;
        vec!["SELECT own".to_owned()]
    }

    // The first answer names tables; with one called `more` there is a second question.
    fn own_answered(&mut self, answers: Vec<Vec<Vec<Option<String>>>>, _: bool) -> Option<Vec<String>> {
        let tables: Vec<String> = answers.into_iter().flatten().flatten().flatten().collect();
        if self.asked == 1 && tables.iter().any(|t| t == "more") {
            self.asked = 2;
            return Some(vec!["SELECT more".to_owned()]);
        }
        *self.own.borrow_mut() = tables;
        Some(Vec::new())
    }

    fn may_take(&self, asked: Option<&str>) -> Result<String, Refusal> {
        match asked {
            Some("boss") => Err(Refusal::new(SqlState::DENIED, "setting.role", "no")),
            asked => Ok(asked.unwrap_or("first").to_owned()),
        }
    }

    fn pseudonym(&self, _: &Arc<SealSpec>) -> Arc<dyn Pseudonym> {
        Arc::new(Sign)
    }

    fn veil_key(&self, domain: &str) -> String {
        format!("key of {domain}")
    }
}

fn planned(sql: &str) -> Result<Planned, Refusal> {
    let (word, rest) = sql.split_once(' ').unwrap_or((sql, ""));
    let kind = match word {
        "rows" => Kind::Query,
        "keep" | "insert" => Kind::Carry,
        "explain" => Kind::Explain,
        "create" => Kind::Define,
        "set" => Kind::Set,
        "begin" | "commit" | "rollback" | "savepoint" => Kind::Transaction,
        "deallocate" | "close" => Kind::Utility,
        "prepare" | "declare" | "hold" | "binary" => Kind::Name,
        "execute" | "fetch" | "move" => Kind::Named,
        "role" => Kind::Utility,
        "copyout" => Kind::CopyOut,
        "copyin" => Kind::CopyIn,
        "unknown" => return Err(Refusal::new(SqlState::UNDEFINED_TABLE, "name.relation", "unknown")),
        _ => return Err(Refusal::new(SqlState::DENIED, "name.relation", "denied").with_hint("other")),
    };
    let pattern = if matches!(kind, Kind::Query | Kind::Carry) {
        if rest.starts_with("own ") { "-" } else { rest }
    } else {
        ["", "x"][usize::from(kind == Kind::Explain)]
    };
    let output = |(n, c)| {
        let spec = spec();
        let (origin, mask) = match c {
            's' => (Origin::Column { relation: 9, attribute: 1 }, Mask::Seal(Arc::new(spec))),
            'a' => (Origin::Computed, Mask::SealElements(Arc::new(spec))),
            'v' => (Origin::Veiled { relation: 9, attribute: 3 }, Mask::Clear),
            _ => (Origin::Computed, Mask::Clear),
        };
        Output { name: format!("c{n}"), origin, of_view: None, mask, type_oid: None }
    };
    let act = act(word, rest)?;
    let text = match &act {
        Act::Nothing | Act::Prepare { .. } | Act::Declare { .. } | Act::Fetch { .. } => format!("sent:{sql}"),
        _ => sql.to_owned(),
    };
    let copied = matches!(kind, Kind::CopyOut | Kind::CopyIn).then(|| {
        let columns: Arc<[Output]> = rest.chars().enumerate().map(output).collect();
        let form = CopyForm::Csv { delimiter: b',', quote: b'"', escape: b'"', null: String::new() };
        Arc::new(CopyData { force_quote: vec![false; columns.len()], columns, form, header: false, own_header: false })
    });
    Ok(Planned {
        act,
        kind,
        text: SqlText::plain(text),
        outputs: pattern.chars().enumerate().map(output).collect(),
        moves_search_path: sql == "set path" || word == "role",
        order_is_data: sql.contains("protected"),
        // `token rows`: its first parameter holds tokens.
        tokens: match sql.contains("token") {
            true => Arc::from([TokenParameter { index: 0, spec: Arc::new(spec()), array: false }]),
            false => Arc::from([]),
        },
        // `nulled rows`: its first parameter must be NULL.
        nulls: match sql.contains("nulled") {
            true => {
                let why = Refusal::new(SqlState::DENIED, "write.protected", "nothing but NULL").at(Some(7));
                Arc::from([NullParameter { index: 0, why }])
            }
            false => Arc::from([]),
        },
        changes_catalog: kind == Kind::Define,
        carry: carry(word),
        copy: copied,
        ..Planned::plain(kind, "")
    })
}

/// `prepare NAME ROWS`, `execute NAME [ARGUMENT]`, `declare|hold|binary NAME ROWS`, `fetch|move NAME`, `close|deallocate NAME|all`, `role NAME`.
fn act(word: &str, rest: &str) -> Result<Act, Refusal> {
    let (name, more) = rest.split_once(' ').unwrap_or((rest, ""));
    let of = |name: &str| (name != "all").then(|| name.to_owned());
    Ok(match word {
        "prepare" => Act::Prepare { name: name.into(), statement: Arc::new(planned(more)?), client: format!("prepare {rest}") },
        "declare" | "hold" | "binary" => {
            let (binary, hold) = (word == "binary", word == "hold");
            Act::Declare { name: name.into(), query: Arc::new(planned(more)?), binary, hold }
        }
        "execute" => {
            let argument = Argument { text: format!("'{more}'"), literal: Some(more.to_owned()), null: false };
            let arguments = [argument].into_iter().filter(|_| !more.is_empty()).collect();
            Act::Execute { name: name.into(), arguments, explain: String::new() }
        }
        "fetch" | "move" => Act::Fetch { name: name.into(), moves: word == "move" },
        "close" => Act::Close(of(name)),
        "deallocate" => Act::Deallocate(of(name)),
        "role" => Act::TakeRole(Some(name.to_owned())),
        _ => Act::Nothing,
    })
}

// `keep` and `insert`, with a pattern as `rows`: the latter by a stage.
fn carry(word: &str) -> Option<Arc<Carry>> {
    let staged = match word {
        "keep" => false,
        "insert" => true,
        _ => return None,
    };
    Some(Arc::new(Carry {
        create: SqlText::plain("create"),
        shape: "shape".into(),
        copy: "copy".into(),
        finish: staged.then(|| SqlText::plain("finish")),
        drop: staged.then(|| "drop".into()),
    }))
}

fn spec() -> SealSpec {
    SealSpec::of("c", SealForm::digits("", 8))
}

/// A client's messages.
#[derive(Default)]
pub struct Client(pub Vec<u8>);

impl Client {
    pub fn query(&mut self, text: &str) {
        message::put_query(&mut self.0, text.as_bytes());
    }

    pub fn parse(&mut self, name: &str, text: &str) {
        message::put_parse(&mut self.0, name.as_bytes(), text.as_bytes(), &[]);
    }

    pub fn bind(&mut self, portal: &str, statement: &str, formats: &[i16]) {
        frame::put(&mut self.0, b'B', |b| {
            message::put_cstring(b, portal.as_bytes());
            message::put_cstring(b, statement.as_bytes());
            b.extend_from_slice(&[0; 4]);
            b.extend_from_slice(&u16::try_from(formats.len()).unwrap().to_be_bytes());
            formats.iter().for_each(|f| b.extend_from_slice(&f.to_be_bytes()));
        });
    }

    /// With one parameter, in text.
    pub fn bind_value(&mut self, portal: &str, statement: &str, value: &str) {
        frame::put(&mut self.0, b'B', |b| {
            message::put_cstring(b, portal.as_bytes());
            message::put_cstring(b, statement.as_bytes());
            b.extend_from_slice(&[0, 0, 0, 1]);
            b.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
            b.extend_from_slice(value.as_bytes());
            b.extend_from_slice(&[0; 2]);
        });
    }

    pub fn describe(&mut self, target: char, name: &str) {
        message::put_describe(&mut self.0, self::target(target), name.as_bytes());
    }

    pub fn close(&mut self, target: char, name: &str) {
        message::put_close(&mut self.0, self::target(target), name.as_bytes());
    }

    pub fn execute(&mut self, portal: &str) {
        message::put_execute(&mut self.0, portal.as_bytes());
    }

    pub fn sync(&mut self) {
        message::put_bare(&mut self.0, b'S');
    }

    pub fn flush(&mut self) {
        message::put_bare(&mut self.0, b'H');
    }

    pub fn data(&mut self, data: &str) {
        self.raw(b'd', data.as_bytes());
    }

    pub fn done(&mut self) {
        message::put_bare(&mut self.0, b'c');
    }

    pub fn function_call(&mut self) {
        self.raw(b'F', &[0; 12]);
    }

    pub fn raw(&mut self, tag: u8, body: &[u8]) {
        frame::put(&mut self.0, tag, |b| b.extend_from_slice(body));
    }
}

fn target(c: char) -> Target {
    if c == 'S' { Target::Statement } else { Target::Portal }
}

/// A server's messages.
#[derive(Default)]
pub struct Server(pub Vec<u8>);

impl Server {
    pub fn bare(&mut self, tag: char) {
        message::put_bare(&mut self.0, tag as u8);
    }

    pub fn columns(&mut self, origins: &[(u32, i16)]) {
        self.columns_in(0, origins);
    }

    /// `format`: 0 text, 1 binary.
    pub fn columns_in(&mut self, format: u8, origins: &[(u32, i16)]) {
        let rest = [0, 0, 0, 0, 0, 0, 0, format];
        let field = |(relation, attribute): &(u32, i16)| answer::Field {
            name: b"?column?",
            relation: *relation,
            attribute: *attribute,
            // text[] for an attribute 5, text for all others.
            type_oid: if *attribute == 5 { 1009 } else { 25 },
            rest: &rest,
        };
        answer::put_row_description(&mut self.0, origins.iter().map(field));
    }

    pub fn row(&mut self, values: &[Option<&str>]) {
        frame::put(&mut self.0, b'D', |b| {
            b.extend_from_slice(&u16::try_from(values.len()).unwrap().to_be_bytes());
            for value in values {
                let length = value.map_or(-1, |v| i32::try_from(v.len()).unwrap());
                b.extend_from_slice(&length.to_be_bytes());
                b.extend_from_slice(value.unwrap_or_default().as_bytes());
            }
        });
    }

    pub fn complete(&mut self, tag: &str) {
        frame::put(&mut self.0, b'C', |b| message::put_cstring(b, tag.as_bytes()));
    }

    pub fn ready(&mut self, status: char) {
        frame::put(&mut self.0, b'Z', |b| b.push(status as u8));
    }

    pub fn parameters(&mut self, count: u16) {
        frame::put(&mut self.0, b't', |b| {
            b.extend_from_slice(&count.to_be_bytes());
            (0..count).for_each(|_| b.extend_from_slice(&25_u32.to_be_bytes()));
        });
    }

    /// CopyOutResponse (`H`) or CopyInResponse (`G`).
    pub fn copies(&mut self, tag: char, format: u8, columns: u16) {
        frame::put(&mut self.0, tag as u8, |b| {
            b.push(format);
            b.extend_from_slice(&columns.to_be_bytes());
            (0..columns).for_each(|_| b.extend_from_slice(&[0, format]));
        });
    }

    pub fn data(&mut self, data: &str) {
        frame::put(&mut self.0, b'd', |b| b.extend_from_slice(data.as_bytes()));
    }

    pub fn error(&mut self, code: &str, message: &str) {
        Report::ours("ERROR", code, message).put(&mut self.0, b'E');
    }

    pub fn fatal(&mut self, code: &str, message: &str) {
        Report::ours("FATAL", code, message).put(&mut self.0, b'E');
    }

    pub fn notice(&mut self, code: &str, message: &str) {
        Report::ours("WARNING", code, message).put(&mut self.0, b'N');
    }

    /// CopyInResponse, binary.
    pub fn copy_in(&mut self) {
        frame::put(&mut self.0, b'G', |b| b.extend_from_slice(&[1, 0, 2, 0, 1, 0, 1]));
    }

    pub fn notify(&mut self, channel: &str) {
        frame::put(&mut self.0, b'A', |b| {
            b.extend_from_slice(b"\0\0\0\x01");
            message::put_cstring(b, channel.as_bytes());
            message::put_cstring(b, b"payload");
        });
    }

    pub fn status(&mut self, name: &str, value: &str) {
        frame::put(&mut self.0, b'S', |b| {
            message::put_cstring(b, name.as_bytes());
            message::put_cstring(b, value.as_bytes());
        });
    }

    /// The answers to one of the statements that are sent one by one.
    pub fn step(&mut self, run: impl FnOnce(&mut Server)) {
        "312".chars().for_each(|tag| self.bare(tag));
        run(self);
        "33".chars().for_each(|tag| self.bare(tag));
    }

    /// The answers to questions of pgveil's own: of each, the only column of its rows.
    pub fn answers(&mut self, questions: &[&[&str]]) {
        for rows in questions {
            self.bare('3');
            self.bare('1');
            self.bare('2');
            rows.iter().for_each(|row| self.row(&[Some(row)]));
            self.complete("SELECT");
            self.bare('3');
            self.bare('3');
        }
    }

    /// The answer to the question after search_path.
    pub fn path(&mut self, schemas: &str, status: char) {
        self.bare('3');
        self.bare('1');
        self.bare('2');
        self.row(&[Some(schemas)]);
        self.complete("SELECT 1");
        self.bare('3');
        self.bare('3');
        self.ready(status);
    }
}

/// A server's messages as bytes.
pub fn server(write: impl FnOnce(&mut Server)) -> Vec<u8> {
    let mut server = Server::default();
    write(&mut server);
    server.0
}

/// A conversation, and what both sides have been sent.
pub struct Talk {
    pub conversation: Conversation<FakeJudge>,
    client: Vec<u8>,
    out: Out,
}

impl Talk {
    pub fn new() -> Self {
        Talk::within(Limits::default())
    }

    /// Of a role whose statements may give no more than this.
    pub fn within(limits: Limits) -> Self {
        let conversation = Conversation::new(FakeJudge::within(limits), "KEYKEYKEY".into(), r#"["pg_catalog","public"]"#);
        Talk { conversation, client: Vec::new(), out: Out::default() }
    }

    /// With a statement that the server has confirmed.
    pub fn with_statement(name: &str, text: &str, origins: &[(u32, i16)]) -> Self {
        Talk::new().and_statement(name, text, origins)
    }

    /// The same.
    pub fn and_statement(mut self, name: &str, text: &str, origins: &[(u32, i16)]) -> Self {
        let talk = &mut self;
        talk.client(|c| {
            c.parse(name, text);
            c.sync();
        });
        talk.server(|s| {
            s.bare('1');
            s.parameters(0);
            if origins.is_empty() {
                s.bare('n')
            } else {
                s.columns(origins)
            }
            s.ready('I');
        });
        self
    }

    /// The server makes a statement, and fails to describe it.
    pub fn parses_in_vain(&mut self, name: &str, text: &str) {
        self.client(|c| {
            c.parse(name, text);
            c.sync();
        });
        self.server(|s| {
            s.bare('1');
            s.error("57014", "canceling statement due to user request");
            s.ready('I');
        });
    }

    /// The client sends; what goes to the server.
    pub fn client(&mut self, write: impl FnOnce(&mut Client)) -> Vec<String> {
        self.try_client(write).unwrap();
        self.take_sent()
    }

    pub fn try_client(&mut self, write: impl FnOnce(&mut Client)) -> Result<(), End> {
        let mut client = Client::default();
        write(&mut client);
        self.client.append(&mut client.0);
        let used = self.conversation.from_client(&self.client, &mut self.out)?;
        self.client.drain(..used);
        Ok(())
    }

    /// The server answers, byte by byte as well as in one piece; what goes to the client.
    pub fn server(&mut self, write: impl FnOnce(&mut Server)) -> Vec<String> {
        let mut bytes = server(write);
        for n in 0..=bytes.len() {
            let used = self.conversation.from_server(&bytes[..n.min(bytes.len())], &mut self.out).unwrap();
            bytes.drain(..used);
        }
        while !bytes.is_empty() {
            let used = self.conversation.from_server(&bytes, &mut self.out).unwrap();
            assert!(used > 0);
            bytes.drain(..used);
        }
        self.take_told()
    }

    /// The server answers, in one piece.
    pub fn server_at_once(&mut self, write: impl FnOnce(&mut Server)) {
        let bytes = server(write);
        assert_eq!(self.conversation.from_server(&bytes, &mut self.out).unwrap(), bytes.len());
    }

    /// The data of the one CopyData that is to be sent.
    pub fn sent_data(&self) -> Vec<u8> {
        let mut data = frames(&self.out.to_server).into_iter().filter(|(tag, _)| *tag == b'd');
        let (_, one) = data.next().expect("a CopyData");
        assert!(data.next().is_none());
        one
    }

    /// The bodies of the messages of a type that are to be sent.
    pub fn sent_bodies(&self, wanted: u8) -> Vec<Vec<u8>> {
        frames(&self.out.to_server).into_iter().filter(|(tag, _)| *tag == wanted).map(|(_, body)| body).collect()
    }

    /// The server answers, and the conversation is over.
    pub fn veto(&mut self, write: impl FnOnce(&mut Server)) -> String {
        self.conversation.from_server(&server(write), &mut self.out).unwrap_err().to_string()
    }

    pub fn take_sent(&mut self) -> Vec<String> {
        frames(&std::mem::take(&mut self.out.to_server)).iter().map(|(tag, body)| sent(*tag, body)).collect()
    }

    pub fn take_told(&mut self) -> Vec<String> {
        frames(&std::mem::take(&mut self.out.to_client)).iter().map(|(tag, body)| told(*tag, body)).collect()
    }

    pub fn paths(&self) -> Vec<Vec<String>> {
        let mut paths = self.conversation.judge().paths.borrow().clone();
        paths.dedup();
        paths
    }
}

/// Cuts frames; they must be whole.
pub fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (head, body) = frame::cut(bytes, 1 << 30).unwrap().expect("a whole frame");
        all.push((head.tag, body.to_vec()));
        bytes = &bytes[head.total..];
    }
    all
}

fn sent(tag: u8, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body).into_owned();
    let mut parts = text.split('\0');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    match tag {
        b'P' => format!("P {} {}", next(), next()),
        b'B' => format!("B {} {}{}", next(), next(), bound(body)),
        b'd' => format!("d {text:?}"),
        b'Q' | b'D' | b'C' | b'E' => format!("{} {}", char::from(tag), next()),
        _ => char::from(tag).to_string(),
    }
}

// The values of a Bind, each after a space, but for NULL.
fn bound(body: &[u8]) -> String {
    let mut c = crate::wire::cursor::Cursor::new(body);
    let mut values = || {
        c.cstring()?;
        c.cstring()?;
        let formats = usize::from(c.u16()?);
        c.bytes(2 * formats)?;
        let mut all = String::new();
        for _ in 0..c.u16()? {
            if let Some(value) = c.value()? {
                all.push(' ');
                all.push_str(&String::from_utf8_lossy(value));
            }
        }
        Some(all)
    };
    values().unwrap_or_default()
}

fn told(tag: u8, body: &[u8]) -> String {
    let shown = match tag {
        b'T' => {
            let fields = answer::row_description(body).unwrap();
            let one = |f: &answer::Field<'_>| format!("{}:{}.{}", String::from_utf8_lossy(f.name), f.relation, f.attribute);
            fields.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        b'D' => values(body).iter().map(|v| v.clone().unwrap_or("NULL".into())).collect::<Vec<_>>().join("|"),
        b'C' => String::from_utf8_lossy(answer::command_tag(body).unwrap()).into_owned(),
        b'Z' => String::from_utf8_lossy(body).into_owned(),
        b'd' => format!("{:?}", String::from_utf8_lossy(body)),
        b't' => u16::from_be_bytes([body[0], body[1]]).to_string(),
        b'S' => {
            let (name, value) = answer::parameter_status(body).unwrap();
            format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
        }
        b'E' | b'N' => {
            let report = Report::decode(body).unwrap();
            let field = |tag, name| report.field(tag).map(|t| format!("{name}{}", String::from_utf8_lossy(t)));
            let all = [field(b'C', ""), field(b'M', ""), field(b'D', "detail="), field(b'H', "hint=")];
            all.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
        _ => String::new(),
    };
    format!("{} {shown}", char::from(tag)).trim_end().to_owned()
}

/// A row's values.
pub fn values(body: &[u8]) -> Vec<Option<String>> {
    let mut c = crate::wire::cursor::Cursor::new(body);
    let count = c.u16().unwrap();
    (0..count).map(|_| c.value().unwrap().map(|v| String::from_utf8_lossy(v).into_owned())).collect()
}
