//! Hooks at every stage of an outgoing HTTP request: events, traces, recorder and timeline.
