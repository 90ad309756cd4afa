//! What personal data there is, what the policy would call it, and which masks suit it.

use crate::catalog::BaseType;
use crate::mask::fit::is_text;

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "their names in the policy say it")]
pub enum Kind {
    Email,
    Name,
    Phone,
    NationalId,
    Card,
    BankAccount,
    BirthDate,
    Address,
    Postcode,
    Ip,
    Device,
    Location,
    Pay,
    Username,
    Secret,
    Special,
    FreeText,
    Document,
}

impl Kind {
    /// All of them, in the order in which a policy lists them.
    pub const ALL: [Kind; 18] = [
        Kind::Email,
        Kind::Name,
        Kind::Phone,
        Kind::NationalId,
        Kind::Card,
        Kind::BankAccount,
        Kind::BirthDate,
        Kind::Address,
        Kind::Postcode,
        Kind::Ip,
        Kind::Device,
        Kind::Location,
        Kind::Pay,
        Kind::Username,
        Kind::Secret,
        Kind::Special,
        Kind::FreeText,
        Kind::Document,
    ];

    /// The class that is proposed for it.
    pub fn class(self) -> &'static str {
        match self {
            Kind::Email => "email",
            Kind::Name => "person_name",
            Kind::Phone => "phone",
            Kind::NationalId => "national_id",
            Kind::Card => "payment_card",
            Kind::BankAccount => "bank_account",
            Kind::BirthDate => "birth_date",
            Kind::Address => "address",
            Kind::Postcode => "postcode",
            Kind::Ip => "ip",
            Kind::Device => "device",
            Kind::Location => "location",
            Kind::Pay => "salary",
            Kind::Username => "username",
            Kind::Secret => "secret",
            Kind::Special => "special_category",
            Kind::FreeText => "free_text",
            Kind::Document => "personal_document",
        }
    }

    /// What it is called in a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Email => "e-mail addresses",
            Kind::Name => "names of people",
            Kind::Phone => "telephone numbers",
            Kind::NationalId => "numbers by which a state knows people",
            Kind::Card => "numbers of payment cards",
            Kind::BankAccount => "bank accounts",
            Kind::BirthDate => "dates of birth",
            Kind::Address => "postal addresses",
            Kind::Postcode => "postcodes",
            Kind::Ip => "IP addresses",
            Kind::Device => "identifiers of devices",
            Kind::Location => "coordinates",
            Kind::Pay => "what people earn",
            Kind::Username => "names of accounts",
            Kind::Secret => "secrets to log in with",
            Kind::Special => "what the GDPR protects in particular (article 9)",
            Kind::FreeText => "free text, in which people write about people",
            Kind::Document => "JSON with such things in it",
        }
    }

    /// Masks as the policy writes them, the most useful first; the last fits every type.
    pub fn masks(self) -> &'static [&'static str] {
        match self {
            Kind::Email | Kind::Username | Kind::Device => {
                &["{ hash = { length = 32, prefix = \"u_\" } }", "{ hash = { length = 16 } }", "\"hash\"", "\"redact\""]
            }
            Kind::Name => &["{ redact = \"[name]\" }", "\"redact\""],
            Kind::Phone => &["{ keep = { last = 2 } }", "\"redact\""],
            Kind::Card => &["{ keep = { last = 4 } }", "\"null\""],
            Kind::BankAccount => &["{ keep = { first = 2, last = 2 } }", "\"null\""],
            Kind::BirthDate => &["{ truncate = \"year\" }", "\"null\""],
            Kind::Postcode => &["{ keep = { first = 2 } }", "\"redact\""],
            Kind::Ip => &["{ network = 24 }", "\"redact\""],
            Kind::Location => &["{ bucket = 1 }", "\"null\""],
            Kind::Pay => &["{ bucket = 10000 }", "{ bucket = 1000 }", "\"null\""],
            Kind::NationalId | Kind::Secret | Kind::Special | Kind::Document => &["\"null\""],
            Kind::Address | Kind::FreeText => &["\"redact\""],
        }
    }

    /// Whether a column of that type can hold it.
    pub(super) fn fits(self, base: BaseType) -> bool {
        let text = is_text(base) || base == BaseType::Array;
        let document = matches!(base, BaseType::Json | BaseType::Jsonb);
        let whole = matches!(base, BaseType::Int4 | BaseType::Int8 | BaseType::Numeric);
        let number = whole || matches!(base, BaseType::Int2 | BaseType::Float4 | BaseType::Float8);
        let time = matches!(base, BaseType::Date | BaseType::Timestamp | BaseType::Timestamptz);
        match self {
            Kind::Email | Kind::Name | Kind::Username => text || base == BaseType::Array,
            Kind::Phone | Kind::NationalId | Kind::Card | Kind::BankAccount => text || whole,
            Kind::BirthDate => text || time,
            Kind::Address => text || document || base == BaseType::Composite,
            Kind::Postcode => text || whole,
            Kind::Ip => text || matches!(base, BaseType::Inet | BaseType::Cidr),
            Kind::Device => text || matches!(base, BaseType::Uuid | BaseType::Other),
            Kind::Location => text || number || document || base == BaseType::Other,
            Kind::Pay => number || base == BaseType::Other,
            Kind::Secret => text || base == BaseType::Bytea,
            Kind::Special => text || document || matches!(base, BaseType::Enum | BaseType::Bool | BaseType::Array),
            Kind::FreeText => text || document,
            Kind::Document => document,
        }
    }
}
