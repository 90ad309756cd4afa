//! Real clients, each as analyst (what it sees is masked) and as engineer; `make test-clients` installs them.

mod native;
mod python;
