package main

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"net/textproto"
	"time"
)

// times is what one request's hooks keep: an instant for each, as a program would that wants to know where time goes.
type times struct {
	getConn, gotConn, putIdleConn, gotFirstResponseByte, got100Continue, got1xxResponse time.Time
	dnsStart, dnsDone, connectStart, connectDone, tlsHandshakeStart, tlsHandshakeDone   time.Time
	wroteHeaderField, wroteHeaders, wait100Continue, wroteRequest                       time.Time
	headerFields                                                                        int
}

// withHooks sets all sixteen.
func withHooks(ctx context.Context) context.Context {
	t := &times{}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:              func(string) { t.getConn = time.Now() },
		GotConn:              func(httptrace.GotConnInfo) { t.gotConn = time.Now() },
		PutIdleConn:          func(error) { t.putIdleConn = time.Now() },
		GotFirstResponseByte: func() { t.gotFirstResponseByte = time.Now() },
		Got100Continue:       func() { t.got100Continue = time.Now() },
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			t.got1xxResponse = time.Now()
			return nil
		},
		DNSStart:          func(httptrace.DNSStartInfo) { t.dnsStart = time.Now() },
		DNSDone:           func(httptrace.DNSDoneInfo) { t.dnsDone = time.Now() },
		ConnectStart:      func(string, string) { t.connectStart = time.Now() },
		ConnectDone:       func(string, string, error) { t.connectDone = time.Now() },
		TLSHandshakeStart: func() { t.tlsHandshakeStart = time.Now() },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { t.tlsHandshakeDone = time.Now() },
		WroteHeaderField: func(string, []string) {
			t.wroteHeaderField = time.Now()
			t.headerFields++
		},
		WroteHeaders:    func() { t.wroteHeaders = time.Now() },
		Wait100Continue: func() { t.wait100Continue = time.Now() },
		WroteRequest:    func(httptrace.WroteRequestInfo) { t.wroteRequest = time.Now() },
	})
}
