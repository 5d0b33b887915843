//! httptrace timelines and events as JSON and NDJSON.
