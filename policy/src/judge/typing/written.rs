//! Types by their names in SQL.

use sqlparser::ast::{ArrayElemTypeDef, DataType, TimezoneInfo};

use super::{Ty, oid};
use crate::catalog::Oid;
use crate::judge::Judge;

impl Judge<'_> {
    /// The type that a cast names.
    pub(crate) fn written_type(&self, t: &DataType) -> Option<Ty> {
        let found = self.written_oid(t)?;
        let facts = self.facts.catalog.forms.types.get(&found)?;
        Some(Ty { oid: found, deterministic: !facts.nondeterministic })
    }

    fn written_oid(&self, t: &DataType) -> Option<Oid> {
        let forms = &self.facts.catalog.forms;
        Some(match t {
            DataType::Custom(name, _) => {
                let parts: Vec<&str> = name.0.iter().map(|p| p.as_ident().map(|i| i.value.as_str())).collect::<Option<_>>()?;
                let in_schema = |schema: &str, name: &str| self.facts.catalog.types.get(schema)?.get(name).map(|t| t.oid);
                return match parts.as_slice() {
                    [schema, name] => in_schema(schema, name),
                    [name] => self.path.iter().find_map(|schema| in_schema(schema, name)),
                    _ => None,
                };
            }
            DataType::Array(ArrayElemTypeDef::SquareBracket(inner, _)) => {
                let inner = self.written_oid(inner)?;
                // `int[][]` is `int[]`.
                return if forms.element(inner).is_some() && forms.bottom(inner) == inner { Some(inner) } else { forms.array_of(inner) };
            }
            DataType::Integer(_) | DataType::Int(_) | DataType::Int4(_) => oid::INT4,
            DataType::BigInt(_) | DataType::Int8(_) => oid::INT8,
            DataType::SmallInt(_) | DataType::Int2(_) => 21,
            DataType::Boolean | DataType::Bool => oid::BOOL,
            DataType::Text => oid::TEXT,
            DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => oid::VARCHAR,
            DataType::Char(_) | DataType::Character(_) => oid::BPCHAR,
            DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => oid::NUMERIC,
            DataType::Real | DataType::Float4 => 700,
            DataType::DoublePrecision | DataType::Float8 => oid::FLOAT8,
            DataType::Date => oid::DATE,
            DataType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => oid::TIMESTAMPTZ,
            DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => oid::TIMESTAMP,
            DataType::Time(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => oid::TIMETZ,
            DataType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => oid::TIME,
            DataType::Interval { .. } => oid::INTERVAL,
            DataType::Uuid => 2950,
            DataType::JSON => 114,
            DataType::JSONB => oid::JSONB,
            DataType::Bytea => 17,
            DataType::Regclass => 2205,
            DataType::Bit(_) => oid::BIT,
            DataType::BitVarying(_) | DataType::VarBit(_) => 1562,
            _ => return None,
        })
    }
}
