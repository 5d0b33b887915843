module httptrace-conformance

go 1.27
