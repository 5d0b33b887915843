package main

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
)

var (
	errHook = errors.New("the hook says no")
	errBody = errors.New("boom")
)

// textClasses are for the errors of net/http that have no exported value.
var textClasses = []struct{ text, class string }{
	{errHook.Error(), "hook"},
	{errBody.Error(), "body"},
	{"with Body length", "body"},
	{"stopped after 10 redirects", "redirect"},
	{"failed to parse Location header", "redirect"},
	{"too many idle connections for host", "too_many_idle_for_host"},
	{"CloseIdleConnections was called", "close_idle_connections"},
	{"connection is in bad state", "bad_state"},
	{"timeout awaiting response headers", "timeout"},
	{"aborting request body write", "canceled"},
	{"response body closed", "canceled"},
	{"HTTP_1_1_REQUIRED", "protocol"},
	{"received from peer", "reset"},
	{"GOAWAY", "closed"},
	{"client connection lost", "closed"},
	{"request body larger than specified content length", "body"},
	{"stream error", "protocol"},
	{"connection error", "protocol"},
	{"frame too large", "protocol"},
	{"header list", "protocol"},
	{"operation was canceled", "canceled"},
	{"request canceled", "canceled"},
	{"gzip: invalid", "decode"},
	{"unexpected EOF in gzip", "decode"},
	{"server closed idle connection", "closed"},
	{"unexpected EOF", "closed"},
	{"server gave HTTP response to HTTPS client", "tls"},
	{"no application protocol", "tls"},
	{"malformed", "protocol"},
	{"FQDN too long", "usage"},
	{"unexpected protocol version", "protocol"},
	{"invalid byte in chunk length", "protocol"},
	{"empty hex number for chunk length", "protocol"},
	{"header line too long", "protocol"},
	{"chunk length too large", "protocol"},
	{"chunked line ends with bare LF", "protocol"},
	{"too many transfer encodings", "protocol"},
	{"suspiciously long trailer", "protocol"},
	{"unsupported transfer encoding", "protocol"},
	{"response headers exceeded", "protocol"},
	{"Content-Length", "protocol"},
	{"unsupported protocol scheme", "usage"},
	{"no Host in request URL", "usage"},
	{"invalid header field", "usage"},
	{"invalid Connection request header", "usage"},
	{"use of closed network connection", "closed"},
	{": EOF", "closed"},
	{"non-zero reserved field", "protocol"},
	{"invalid username/password version", "protocol"},
	{"socks connect", "proxy"},
}

// refusedByProxy tells whether the error is a refused CONNECT: all that Go says of it is the reason phrase.
func refusedByProxy(err error) bool {
	var outer *url.Error
	if !errors.As(err, &outer) {
		return false
	}
	if outer.Err.Error() == "unknown status code" {
		return true
	}
	for status := 100; status < 600; status++ {
		if reason := http.StatusText(status); reason != "" && outer.Err.Error() == reason {
			return true
		}
	}
	return false
}

// class reduces an error to what the two languages can agree on; nil stays nil (JSON null).
func class(err error) any {
	if err == nil {
		return nil
	}
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &dns) && !strings.Contains(err.Error(), "operation was canceled"):
		return "dns"
	case errors.As(err, &certificate):
		return "certificate"
	case errors.As(err, &record):
		return "tls"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	}
	for _, c := range textClasses {
		if strings.Contains(err.Error(), c.text) {
			return c.class
		}
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case refusedByProxy(err):
		return "proxy"
	}
	return "other"
}

// failure is the pair of fields that every event with an error has: its class, and its text for readers.
func failure(err error) []field {
	if err == nil {
		return []field{{"error", nil}}
	}
	return []field{{"error", class(err)}, {"text", err.Error()}}
}
