//! Clients that are not written in Python.
