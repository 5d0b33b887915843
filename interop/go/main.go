// Go's server as a peer. Its arguments: the ports, the files, and a certificate with its key.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
)

func main() {
	plain := flag.Int("h2c", 0, "port for HTTP/2 by prior knowledge")
	secure := flag.Int("h2", 0, "port for HTTP/2 over TLS")
	stream := flag.Int("stream", 0, "port where a stream's window is the smaller one")
	connection := flag.Int("connection", 0, "port where the connection's window is the smaller one")
	narrow := flag.Int("narrow", 0, "port where two streams may be open at once")
	leaving := flag.Int("leaving", 0, "port of a server that shuts down when asked for /leave, and is there again")
	files := flag.String("files", "", "folder of files to serve")
	certificate := flag.String("certificate", "", "chain of certificates")
	key := flag.String("key", "", "its key")
	flag.Parse()

	site := pages(*files)
	of := func(port int, settings http.HTTP2Config) *http.Server {
		server := &http.Server{
			Addr:    fmt.Sprintf("127.0.0.1:%d", port),
			Handler: logged(site),
			HTTP2:   &settings,
			// Resets and bad handshakes belong to the tests.
			ErrorLog: log.New(discard{}, "", 0),
		}
		server.Protocols = new(http.Protocols)
		server.Protocols.SetHTTP1(true)
		server.Protocols.SetUnencryptedHTTP2(true)
		server.Protocols.SetHTTP2(true)
		return server
	}
	failed := make(chan error)
	serve := func(server *http.Server) { failed <- server.ListenAndServe() }
	go serve(of(*plain, http.HTTP2Config{}))
	go serve(of(*stream, http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 16, MaxReceiveBufferPerConnection: 1 << 20}))
	go serve(of(*connection, http.HTTP2Config{MaxReceiveBufferPerStream: 1 << 20, MaxReceiveBufferPerConnection: 1<<16 - 1}))
	go serve(of(*narrow, http.HTTP2Config{MaxConcurrentStreams: 2}))
	go func() { failed <- comeAndGo(*leaving, func() *http.Server { return of(*leaving, http.HTTP2Config{}) }) }()
	go func() { failed <- of(*secure, http.HTTP2Config{}).ListenAndServeTLS(*certificate, *key) }()
	log.Fatal(<-failed)
}

type discard struct{}

func (discard) Write(line []byte) (int, error) { return len(line), nil }
