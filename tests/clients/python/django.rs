//! Django.

#[test]
fn analyst() {
    super::Ground::new().script("analyst", "django_check.py", &[]);
}

#[test]
fn engineer() {
    super::Ground::new().script("engineer", "django_check.py", &[]);
}

// Parameters are bound by the server, not written into the text.
#[test]
fn analyst_with_parameters() {
    super::Ground::new().script("analyst", "django_check.py", &["binding"]);
}

#[test]
fn engineer_with_parameters() {
    super::Ground::new().script("engineer", "django_check.py", &["binding"]);
}
