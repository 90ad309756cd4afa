//! Thousands of clients for minutes: `make soak`.
