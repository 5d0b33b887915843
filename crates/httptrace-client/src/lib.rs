//! An HTTP client that fires every httptrace hook truthfully.
