package main

import (
	"crypto/tls"
	"net/http/httptrace"
	"net/textproto"
	"strings"
)

// clientTrace records every hook of one request, on the side that Go calls it from.
func clientTrace(r *recorder, request requestSpec, http2 string) *httptrace.ClientTrace {
	label := request.Label
	informational := 0
	return &httptrace.ClientTrace{
		GetConn: func(hostPort string) {
			r.add(label, "caller", "get_conn", field{"host_port", hostPort})
		},
		GotConn: func(info httptrace.GotConnInfo) {
			r.add(label, "caller", "got_conn",
				field{"reused", info.Reused}, field{"was_idle", info.WasIdle},
				field{"protocol", protocol(info, http2)}, field{"remote_addr", info.Conn.RemoteAddr().String()},
				field{"connection", info.Conn.LocalAddr().String()})
		},
		DNSStart: func(info httptrace.DNSStartInfo) {
			r.add(label, "dial", "dns_start", field{"host", info.Host})
		},
		DNSDone: func(info httptrace.DNSDoneInfo) {
			addrs := []string{}
			for _, addr := range info.Addrs {
				addrs = append(addrs, addr.String())
			}
			r.add(label, "dial", "dns_done",
				append([]field{{"addrs", addrs}, {"coalesced", info.Coalesced}}, failure(info.Err)...)...)
		},
		ConnectStart: func(network, addr string) {
			r.add(label, "dial", "connect_start", field{"network", network}, field{"addr", addr})
		},
		ConnectDone: func(network, addr string, err error) {
			side := "dial"
			if class(err) == "canceled" {
				side = "loser" // of a race, at any time: Go orders it with nothing
			}
			r.add(label, side, "connect_done",
				append([]field{{"network", network}, {"addr", addr}}, failure(err)...)...)
		},
		TLSHandshakeStart: func() {
			r.add(label, "dial", "tls_handshake_start")
		},
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			var fields []field
			if err == nil {
				fields = []field{{"version", tls.VersionName(state.Version)}, {"alpn", orNull(state.NegotiatedProtocol)},
					{"server_name", orNull(state.ServerName)}, {"resumed", state.DidResume}}
			}
			r.add(label, "dial", "tls_handshake_done", append(fields, failure(err)...)...)
		},
		WroteHeaderField: func(name string, values []string) {
			r.add(label, "write", "wrote_header_field", field{"name", name}, field{"values", values})
		},
		WroteHeaders:    func() { r.add(label, "write", "wrote_headers") },
		Wait100Continue: func() { r.add(label, "write", "wait_100_continue") },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			outcome := "sent"
			if info.Err != nil {
				outcome = "failed"
			}
			r.add(label, "write", "wrote_request", append([]field{{"outcome", outcome}}, failure(info.Err)...)...)
		},
		GotFirstResponseByte: func() { r.add(label, "read", "got_first_response_byte") },
		Got100Continue:       func() { r.add(label, "read", "got_100_continue") },
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			fields := map[string][]string{}
			for name, values := range header {
				fields[strings.ToLower(name)] = values
			}
			r.add(label, "read", "got_1xx_response", field{"code", code}, field{"headers", fields})
			informational++
			if informational == request.FailAt1xx {
				return errHook
			}
			return nil
		},
		PutIdleConn: func(err error) { r.add(label, "read", "put_idle_conn", failure(err)...) },
	}
}

func protocol(info httptrace.GotConnInfo, http2 string) string {
	session, encrypted := info.Conn.(*tls.Conn)
	if encrypted && session.ConnectionState().NegotiatedProtocol == "h2" || !encrypted && http2 == "prior_knowledge" {
		return "h2"
	}
	return "http/1.1"
}

// orNull: what is not known is null, never "".
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
