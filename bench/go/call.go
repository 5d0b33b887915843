package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// caller makes calls with one client.
type caller struct {
	client *http.Client
	url    string
	hooks  bool
}

func newCaller() (*caller, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// Its limit of idle connections for a host is 2; the others have none.
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, 100_000
	// The others ask for nothing compressed.
	transport.DisableCompression = true
	scheme := "http"
	switch {
	case strings.HasPrefix(*load, "h2_"):
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetUnencryptedHTTP2(true)
	case strings.HasPrefix(*load, "cold_tls"):
		scheme = "https"
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(os.Getenv("BENCH_CERTIFICATE"))) {
			return nil, errors.New("BENCH_CERTIFICATE holds no certificate")
		}
		transport.TLSClientConfig = &tls.Config{
			RootCAs:            roots,
			ClientSessionCache: tls.NewLRUClientSessionCache(0),
		}
	}
	return &caller{
		client: &http.Client{Transport: transport},
		url:    fmt.Sprintf("%s://127.0.0.1:%d/hello", scheme, *port),
		hooks:  *client == "go_hooks",
	}, nil
}

// call makes a call, up to the end of the answer's body.
func (c *caller) call() error {
	ctx := context.Background()
	if c.hooks {
		ctx = withHooks(ctx)
	}
	method, body := http.MethodGet, io.Reader(nil)
	if *upload > 0 {
		method, body = http.MethodPost, io.LimitReader(octets{}, *upload)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url, body)
	if err != nil {
		return err
	}
	if *upload > 0 {
		request.ContentLength = *upload
	}
	request.Header.Set("User-Agent", "bench/1.0")
	request.Header.Set("Accept", "*/*")
	response, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer was %s", response.Status)
	}
	length, err := io.Copy(io.Discard, response.Body)
	if err == nil && length != response.ContentLength {
		err = fmt.Errorf("the answer had %d bytes, not %d", length, response.ContentLength)
	}
	return err
}

// octets never ends. What they are is nobody's business, and to write them would be work that the others do not do.
type octets struct{}

func (octets) Read(buffer []byte) (int, error) {
	return len(buffer), nil
}
