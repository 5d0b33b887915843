// Go's side: the same requests, with the hooks of net/http/httptrace.
//
// What the hooks tell is printed at the end, a line each: the port, the number of the request on its connection, the event, and
// its instant on the wall clock, in nanoseconds. The authority to trust is read from the standard input.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"sync"
	"time"
)

const bodyBytes = 8 * 1024

// A moment of one request.
type moment struct {
	event string
	at    time.Time
}

// What the hooks have told of one request. They are called by several goroutines.
type record struct {
	mutex   sync.Mutex
	port    int
	moments []moment
}

func (r *record) add(event string) {
	// First of all: what follows takes time.
	at := time.Now()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.moments = append(r.moments, moment{event, at})
}

func (r *record) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		ConnectStart: func(string, string) { r.add("ConnectStart") },
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				r.add("ConnectDone")
			}
		},
		TLSHandshakeStart: func() { r.add("TlsHandshakeStart") },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				r.add("TlsHandshakeDone")
			}
		},
		GotConn: func(info httptrace.GotConnInfo) {
			r.mutex.Lock()
			defer r.mutex.Unlock()
			r.port = info.Conn.LocalAddr().(*net.TCPAddr).Port
		},
		WroteHeaders: func() { r.add("WroteHeaders") },
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				r.add("WroteRequest")
			}
		},
		GotFirstResponseByte: func() { r.add("GotFirstResponseByte") },
	}
}

func main() {
	protocol := flag.String("protocol", "", "http1, tls or http2")
	address := flag.String("address", "", "of the server")
	requests := flag.Int("requests", 0, "how many")
	flag.Parse()
	authority, err := io.ReadAll(os.Stdin)
	check(err)

	client := &http.Client{Transport: transport(*protocol, authority)}
	scheme := "http"
	if *protocol == "tls" {
		scheme = "https"
	}
	url := scheme + "://" + *address + "/"
	records := make([]*record, 0, *requests)
	for number := range (*requests + 1) / 2 * 2 {
		records = append(records, send(client, url, number))
	}
	// What of the last request is told late.
	time.Sleep(20 * time.Millisecond)
	report(records)
}

func transport(protocol string, authority []byte) *http.Transport {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	protocols := new(http.Protocols)
	if protocol == "http2" {
		protocols.SetUnencryptedHTTP2(true)
	} else {
		protocols.SetHTTP1(true)
	}
	return &http.Transport{
		Protocols:       protocols,
		TLSClientConfig: &tls.Config{RootCAs: roots},
	}
}

// Sends the request of this number in the plan: two on a connection, one of them with a body, by turns the first and the second.
func send(client *http.Client, url string, number int) *record {
	r := &record{moments: make([]moment, 0, 8)}
	var body io.Reader
	method := http.MethodGet
	if number%4 == 1 || number%4 == 2 {
		method, body = http.MethodPost, bytes.NewReader(make([]byte, bodyBytes))
	}
	request, err := http.NewRequest(method, url, body)
	check(err)
	request.Close = number%2 == 1
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), r.trace()))
	response, err := client.Do(request)
	check(err)
	_, err = io.Copy(io.Discard, response.Body)
	check(err)
	response.Body.Close()
	return r
}

func report(records []*record) {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for number, r := range records {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		for _, m := range r.moments {
			fmt.Fprintf(out, "port %d %d %s %d\n", r.port, number%2, m.event, m.at.UnixNano())
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
