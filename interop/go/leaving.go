package main

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Serves at this port, shuts down once it is asked for /leave, and has the next server take its place.
func comeAndGo(port int, next func() *http.Server) error {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		return err
	}
	for {
		server := next()
		site := server.Handler
		var once sync.Once
		left := make(chan struct{})
		server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/leave" {
				once.Do(func() {
					go func() {
						server.Shutdown(context.Background())
						close(left)
					}()
				})
				r.URL.Path = "/slow"
			}
			site.ServeHTTP(w, r)
		})
		// The listener outlives the server: who comes in between waits.
		listener.SetDeadline(time.Time{})
		server.Serve(keep{listener})
		<-left
	}
}

type keep struct{ *net.TCPListener }

// Ends the server's Accept, and nothing else.
func (k keep) Close() error { return k.SetDeadline(time.Unix(1, 0)) }
