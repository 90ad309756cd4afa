//! The server's RowDescription against the plan: a witness that may veto.

use pgveil_policy::mask::seal::SealForm;
use pgveil_policy::{Mask, Origin, Output};

use super::{Judge, Veto};
use crate::wire::answer::{Field, put_row_description, row_description};

/// Type OIDs of `src/include/catalog/pg_type.dat`.
const INT8: u32 = 20;
const UUID: u32 = 2950;
const ARRAY_OF_INT8: u32 = 1016;
const ARRAY_OF_UUID: u32 = 2951;
/// text, varchar, bpchar.
const TEXTS: [u32; 3] = [25, 1043, 1042];
const ARRAYS_OF_TEXTS: [u32; 3] = [1009, 1015, 1014];

/// Checks a RowDescription's body; gives its fields as the client is told them: with the origins of veiled columns.
///
/// # Errors
/// A [`Veto`] where it is not what was judged.
pub fn check<'a>(judge: &impl Judge, outputs: &'a [Output], body: &'a [u8]) -> Result<Vec<Field<'a>>, Veto> {
    let mut fields = row_description(body).ok_or(Veto::Malformed { tag: 'T' })?;
    if fields.len() != outputs.len() {
        return Err(Veto::Columns { judged: outputs.len(), found: fields.len() });
    }
    let origins: Vec<_> = fields.iter().map(|f| (f.relation, f.attribute)).collect();
    if let Err(index) = judge.witness(outputs, &origins) {
        let (relation, attribute) = origins.get(index).copied().unwrap_or_default();
        return Err(Veto::Origin { column: index.saturating_add(1), relation, attribute });
    }
    for (index, (field, output)) in fields.iter_mut().zip(outputs).enumerate() {
        let column = index.saturating_add(1);
        if !fits(&output.mask, field.type_oid) {
            return Err(Veto::Type { column, type_oid: field.type_oid });
        }
        match output.origin {
            Origin::Computed | Origin::Column { .. } => {}
            // What a veil computes has no origin: a column that has one is not behind it.
            Origin::Veiled { .. } if field.relation != 0 => {
                return Err(Veto::Origin { column, relation: field.relation, attribute: field.attribute });
            }
            Origin::Veiled { relation, attribute } => (field.relation, field.attribute) = (relation, attribute),
        }
    }
    Ok(fields)
}

/// Appends a RowDescription that was checked.
pub fn put(out: &mut Vec<u8>, fields: Vec<Field<'_>>) {
    put_row_description(out, fields.into_iter());
}

fn fits(mask: &Mask, type_oid: u32) -> bool {
    match mask {
        Mask::Clear => true,
        Mask::Seal(spec) => match spec.form {
            SealForm::Int8 => type_oid == INT8,
            SealForm::Uuid => type_oid == UUID,
            SealForm::Text { .. } => ![INT8, UUID, ARRAY_OF_INT8, ARRAY_OF_UUID].contains(&type_oid) && !ARRAYS_OF_TEXTS.contains(&type_oid),
        },
        // An array of a domain, or of a type of an extension, has an OID that is not known here.
        Mask::SealElements(spec) => {
            let not = |others: &[u32]| ![INT8, UUID].contains(&type_oid) && !TEXTS.contains(&type_oid) && !others.contains(&type_oid);
            match spec.form {
                SealForm::Int8 => not(&[ARRAY_OF_UUID]) && !ARRAYS_OF_TEXTS.contains(&type_oid),
                SealForm::Uuid => not(&[ARRAY_OF_INT8]) && !ARRAYS_OF_TEXTS.contains(&type_oid),
                SealForm::Text { .. } => not(&[ARRAY_OF_INT8, ARRAY_OF_UUID]),
            }
        }
    }
}
