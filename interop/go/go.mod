module httptrace-interop

go 1.27
