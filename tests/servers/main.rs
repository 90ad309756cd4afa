//! Other major versions of the server: `make test-servers`.
