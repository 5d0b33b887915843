package main

import (
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

// A line of the log; the tests' log.rs reads it.
type entry struct {
	Agent    string `json:"agent"`
	Method   string `json:"method"`
	Target   string `json:"target"`
	Status   int    `json:"status"`
	Port     int    `json:"port"`
	Nth      int    `json:"nth"`
	Protocol string `json:"protocol"`
	TLS      string `json:"tls"`
	Cipher   string `json:"cipher"`
	Resumed  string `json:"resumed"`
}

var (
	lock   sync.Mutex
	counts = map[string]int{}
	output = json.NewEncoder(os.Stdout)
)

// Has a line written for each request, also if its handler gives up.
func logged(site http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, port, _ := net.SplitHostPort(r.RemoteAddr)
		line := entry{
			Agent:    r.UserAgent(),
			Method:   r.Method,
			Target:   r.RequestURI,
			Protocol: r.Proto,
		}
		line.Port, _ = strconv.Atoi(port)
		if r.TLS != nil {
			line.TLS = strings.Replace(tls.VersionName(r.TLS.Version), " ", "v", 1)
			line.Cipher = tls.CipherSuiteName(r.TLS.CipherSuite)
			if r.TLS.DidResume {
				line.Resumed = "r"
			}
		}
		lock.Lock()
		// A port of the server's own and one of the client's: no two connections have both.
		place := r.RemoteAddr + " " + r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()
		counts[place]++
		line.Nth = counts[place]
		lock.Unlock()
		seen := &status{ResponseWriter: w, code: &line.Status}
		defer func() {
			lock.Lock()
			defer lock.Unlock()
			output.Encode(line)
		}()
		site.ServeHTTP(seen, r)
	})
}

// Remembers the final status; none, if the handler gave up before.
type status struct {
	http.ResponseWriter
	code *int
}

func (s *status) WriteHeader(code int) {
	if code >= 200 {
		*s.code = code
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Write(body []byte) (int, error) {
	if *s.code == 0 {
		*s.code = http.StatusOK
	}
	return s.ResponseWriter.Write(body)
}

func (s *status) Flush() { s.ResponseWriter.(http.Flusher).Flush() }
