package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// scenario is one file of ../scenarios. ../README.md documents the language.
type scenario struct {
	name   string
	dir    string
	Title  string               `json:"title"`
	About  string               `json:"about"`
	Needs  []string             `json:"needs"`
	Peers  map[string]peerSpec  `json:"peers"`
	DNS    map[string][]dnsSpec `json:"dns"`
	Client clientSpec           `json:"client"`
	Steps  []op                 `json:"steps"`
	// Differs is for the Rust side: where its recording is different on purpose.
	Differs json.RawMessage `json:"differs"`
	// GoTest names the tests of Go's own that the scenario re-creates, for readers and for the house's tests.
	GoTest json.RawMessage `json:"go_test"`
}

type peerSpec struct {
	// At maps an address to "serve", "refuse" or "stall"; absent: 127.0.0.1 serves.
	At          map[string]string `json:"at"`
	Connections [][]op            `json:"connections"`
}

type dnsSpec struct {
	Addrs []string `json:"addrs"`
	Fail  bool     `json:"fail"`
	After string   `json:"after"`
}

type clientSpec struct {
	MaxIdle               int   `json:"max_idle"`
	MaxIdlePerHost        int   `json:"max_idle_per_host"`
	MaxConnsPerHost       int   `json:"max_conns_per_host"`
	IdleTimeoutMs         int   `json:"idle_timeout_ms"`
	KeepAlive             *bool `json:"keep_alive"`
	Redirects             *bool `json:"redirects"`
	ResponseHeadTimeoutMs int   `json:"response_head_timeout_ms"`
	TLSHandshakeTimeoutMs int   `json:"tls_handshake_timeout_ms"`
	ExpectTimeoutMs       int   `json:"expect_timeout_ms"`
	Resume                bool  `json:"resume"`
	Compression           bool  `json:"compression"`
	MaxResponseHeadBytes  int64 `json:"max_response_head_bytes"`
	// HTTP2 is "tls" or "prior_knowledge"; absent, HTTP/1.1 alone is spoken, and nothing offered.
	HTTP2           string `json:"http2"`
	StrictMaxStream bool   `json:"strict_max_concurrent_requests"`
	PingAfterMs     int    `json:"ping_after_ms"`
	PingTimeoutMs   int    `json:"ping_timeout_ms"`
	// Proxy is a URL; ProxyEnv is what HTTP_PROXY and its like say, by name.
	Proxy    string            `json:"proxy"`
	ProxyEnv map[string]string `json:"proxy_env"`
}

type requestSpec struct {
	Label      string      `json:"label"`
	Method     string      `json:"method"`
	URL        string      `json:"url"`
	Headers    [][2]string `json:"headers"`
	Body       *bodySpec   `json:"body"`
	Close      bool        `json:"close"`
	DeadlineMs int         `json:"deadline_ms"`
	FailAt1xx  int         `json:"fail_at_1xx"`
	Untraced   bool        `json:"untraced"`
	Then       []op        `json:"then"`
}

// bodySpec is a request body: bytes in memory (text, repeated), or a stream of chunks.
type bodySpec struct {
	Text       string      `json:"text"`
	Times      int         `json:"times"`
	Stream     []op        `json:"stream"`
	Length     *int64      `json:"length"`
	Replayable bool        `json:"replayable"`
	Trailers   [][2]string `json:"trailers"`
}

type awaitSpec struct {
	Label string `json:"label"`
	Event string `json:"event"`
	Count int    `json:"count"`
}

// sendSpec is bytes to send: a text, once or so many times over, or bytes in hexadecimal.
type sendSpec struct {
	Text  string `json:"text"`
	Times int    `json:"times"`
	Hex   string `json:"hex"`
}

// decodeSend takes a bare string for a text.
func decodeSend(o op) sendSpec {
	spec := sendSpec{}
	if strict(o.arg, &spec.Text) != nil {
		spec = decode[sendSpec](o)
	}
	return spec
}

func (s sendSpec) written() []byte {
	if s.Hex != "" {
		return must(hex.DecodeString(strings.ReplaceAll(s.Hex, " ", "")))
	}
	return []byte(strings.Repeat(s.Text, max(s.Times, 1)))
}

// op is one instruction: a word alone ("close"), or an object with one key ({"wait": "ready"}).
type op struct {
	name string
	arg  json.RawMessage
}

func (o *op) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &o.name); err == nil {
		return nil
	}
	var one map[string]json.RawMessage
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	if len(one) != 1 {
		return fmt.Errorf("an operation has exactly one key: %s", data)
	}
	for name, arg := range one {
		o.name, o.arg = name, arg
	}
	return nil
}

func (o op) text() string { return decode[string](o) }
func (o op) number() int  { return decode[int](o) }

func decode[T any](o op) T {
	var value T
	if err := strict(o.arg, &value); err != nil {
		panic(fmt.Sprintf("%s: %v in %s", o.name, err, o.arg))
	}
	return value
}

// strict refuses unknown keys, so that a misspelt setting is not silently ignored.
func strict(data []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(value)
}

func load(dir string, names []string) ([]*scenario, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var found []*scenario
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		if len(names) > 0 && !contains(names, name) {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		s := &scenario{name: name, dir: dir}
		if err := strict(data, s); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		found = append(found, s)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no scenario found in %s", dir)
	}
	return found, nil
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
