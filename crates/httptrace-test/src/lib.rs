//! Test kit of the httptrace workspace: scripted peers, throw-away CA, canned DNS, event checks.
