//! Clients in Python, in a virtual environment that is set up here once.
