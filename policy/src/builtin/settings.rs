//! Which settings a role with masks may set and see.

/// Whether a setting may be shown.
pub fn may_show(_name: &str) -> bool {
    false
}

/// Whether a setting may be set to a value (each item of a list apart); the reason why not.
///
/// # Errors
/// The reason, for the refusal.
pub fn may_set(_name: &str, _values: &[String]) -> Result<(), String> {
    Err("not yet".to_owned())
}
