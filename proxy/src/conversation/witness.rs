//! The server's RowDescription against the plan: a witness that may veto.

use pgveil_policy::mask::seal::SealForm;
use pgveil_policy::mask::token::Kind;
use pgveil_policy::{Mask, Origin};

use super::statement::Statement;
use super::{Judge, Veto};
use crate::wire::answer::{Field, put_row_description, row_description};

/// Type OIDs of `src/include/catalog/pg_type.dat`.
const INT8: u32 = 20;
const INT4: u32 = 23;
const UUID: u32 = 2950;
const ARRAY_OF_INT4: u32 = 1007;
const ARRAY_OF_INT8: u32 = 1016;
const ARRAY_OF_UUID: u32 = 2951;
/// text, varchar, bpchar.
const TEXTS: [u32; 3] = [25, 1043, 1042];
const TEXTS_ARRAY: u32 = 1009;
const ARRAYS_OF_TEXTS: [u32; 3] = [TEXTS_ARRAY, 1015, 1014];

/// Types that pseudonyms of text may have: not told apart from domains over them, whose OIDs are the database's own.
fn is_text(type_oid: u32) -> bool {
    ![INT4, INT8, UUID, ARRAY_OF_INT4, ARRAY_OF_INT8, ARRAY_OF_UUID].contains(&type_oid) && !ARRAYS_OF_TEXTS.contains(&type_oid)
}

/// Arrays of a domain, or of a type of an extension, have OIDs that are not known here: what is known must be right.
fn is_array(type_oid: u32, of: u32) -> bool {
    let arrays = [ARRAY_OF_INT4, ARRAY_OF_INT8, ARRAY_OF_UUID];
    let other_array = arrays.contains(&type_oid) || ARRAYS_OF_TEXTS.contains(&type_oid);
    let scalar = [INT4, INT8, UUID].contains(&type_oid) || TEXTS.contains(&type_oid);
    type_oid == of || of == TEXTS_ARRAY && ARRAYS_OF_TEXTS.contains(&type_oid) || !other_array && !scalar
}

/// Checks a RowDescription's body; gives its fields as the client is told them: with the origins of veiled columns.
///
/// # Errors
/// A [`Veto`] where it is not what was judged.
pub fn check<'a>(judge: &impl Judge, statement: &'a Statement, body: &'a [u8]) -> Result<Vec<Field<'a>>, Veto> {
    let outputs = &statement.outputs;
    let mut fields = row_description(body).ok_or(Veto::Malformed { tag: 'T' })?;
    if fields.len() != outputs.len() {
        return Err(Veto::Columns { judged: outputs.len(), found: fields.len() });
    }
    let origins: Vec<_> = fields.iter().map(|f| (f.relation, f.attribute)).collect();
    if let Err(index) = judge.witness_under(statement.policy(), outputs, &origins) {
        let (relation, attribute) = origins.get(index).copied().unwrap_or_default();
        return Err(Veto::Origin { column: index.saturating_add(1), relation, attribute });
    }
    for (index, (field, output)) in fields.iter_mut().zip(outputs.iter()).enumerate() {
        let column = index.saturating_add(1);
        if !fits(&output.mask, field.type_oid) {
            return Err(Veto::Type { column, type_oid: field.type_oid });
        }
        if outgrows(&output.mask) {
            field.rest = without_length(field.rest);
        }
        match output.origin {
            Origin::Computed | Origin::Column { .. } => {}
            // What a veil computes has no origin: a column that has one is not behind it.
            Origin::Veiled { .. } if field.relation != 0 => {
                return Err(Veto::Origin { column, relation: field.relation, attribute: field.attribute });
            }
            Origin::Veiled { relation, attribute } => (field.relation, field.attribute) = (relation, attribute),
        }
        if let Some(of_view) = output.of_view {
            (field.relation, field.attribute) = of_view;
        }
    }
    Ok(fields)
}

/// Appends a RowDescription that was checked.
pub fn put(out: &mut Vec<u8>, fields: Vec<Field<'_>>) {
    put_row_description(out, fields.into_iter());
}

fn outgrows(mask: &Mask) -> bool {
    matches!(mask, Mask::Seal(spec) | Mask::SealElements(spec) if spec.form.may_outgrow())
}

/// A pseudonym may be longer than its column's type says: size, modifier and format of a type without a length.
fn without_length(rest: &[u8]) -> &'static [u8] {
    const TEXT: [u8; 8] = [255, 255, 255, 255, 255, 255, 0, 0];
    const BINARY: [u8; 8] = [255, 255, 255, 255, 255, 255, 0, 1];
    if rest.last() == Some(&1) { &BINARY } else { &TEXT }
}

fn fits(mask: &Mask, type_oid: u32) -> bool {
    match mask {
        Mask::Clear => true,
        Mask::Seal(spec) => match &spec.form {
            SealForm::Int8 => type_oid == INT8,
            SealForm::Uuid => type_oid == UUID,
            SealForm::Text { .. } => is_text(type_oid),
            SealForm::Token(token) => match token.kind {
                Kind::Int4 => type_oid == INT4,
                Kind::Int8 => type_oid == INT8,
                Kind::Uuid => type_oid == UUID,
                Kind::Text => is_text(type_oid),
            },
        },
        Mask::SealElements(spec) => {
            let of = match &spec.form {
                SealForm::Int8 => ARRAY_OF_INT8,
                SealForm::Uuid => ARRAY_OF_UUID,
                SealForm::Text { .. } => TEXTS_ARRAY,
                SealForm::Token(token) => match token.kind {
                    Kind::Int4 => ARRAY_OF_INT4,
                    Kind::Int8 => ARRAY_OF_INT8,
                    Kind::Uuid => ARRAY_OF_UUID,
                    Kind::Text => TEXTS_ARRAY,
                },
            };
            is_array(type_oid, of)
        }
    }
}
