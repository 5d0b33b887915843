package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
)

// call is one request on its way.
type call struct {
	spec    requestSpec
	signals *signals
	cancel  context.CancelFunc
	done    chan struct{}
}

func (w *world) start(spec requestSpec) (*call, error) {
	traced := context.Background()
	if !spec.Untraced {
		traced = httptrace.WithClientTrace(traced, clientTrace(w.recorder, spec, w.scenario.Client.HTTP2))
	}
	ctx, cancel := context.WithCancel(traced)
	if spec.DeadlineMs > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(spec.DeadlineMs)*time.Millisecond)
	}
	c := &call{spec: spec, signals: w.signals, cancel: cancel, done: make(chan struct{})}
	request, err := c.request(ctx, w.recorder.filled(spec.URL))
	if err != nil {
		cancel()
		return nil, err
	}
	w.recorder.order = append(w.recorder.order, spec.Label)
	go func() {
		defer close(c.done)
		w.recorder.add(spec.Label, "outcome", "outcome", c.run(w.client, request)...)
	}()
	return c, nil
}

func (c *call) request(ctx context.Context, url string) (*http.Request, error) {
	method := c.spec.Method
	if method == "" {
		method = "GET"
	}
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "conformance")
	for _, header := range c.spec.Headers {
		if header[0] == "Host" {
			request.Host = header[1] // net/http takes it from here alone
			continue
		}
		request.Header.Add(header[0], header[1])
	}
	request.Close = c.spec.Close
	if c.spec.Body != nil {
		c.attach(request, c.spec.Body)
	}
	return request, nil
}

func (c *call) attach(request *http.Request, spec *bodySpec) {
	var fresh func() io.ReadCloser
	if spec.Stream == nil {
		data := []byte(strings.Repeat(spec.Text, max(spec.Times, 1)))
		request.ContentLength = int64(len(data))
		fresh = func() io.ReadCloser { return io.NopCloser(bytes.NewReader(data)) }
		if len(data) == 0 {
			fresh = func() io.ReadCloser { return http.NoBody }
		}
	} else {
		request.ContentLength = -1
		fresh = func() io.ReadCloser {
			return &stream{ops: spec.Stream, signals: c.signals, request: request, trailers: spec.Trailers}
		}
		if len(spec.Trailers) > 0 {
			request.Trailer = http.Header{}
			for _, trailer := range spec.Trailers {
				request.Trailer[trailer[0]] = nil
			}
		}
	}
	if spec.Length != nil {
		request.ContentLength = *spec.Length
	}
	request.Body = fresh()
	if spec.Stream == nil || spec.Replayable {
		request.GetBody = func() (io.ReadCloser, error) { return fresh(), nil }
	}
}

// run sends the request, follows its `then`, and describes how it ended.
func (c *call) run(client *http.Client, request *http.Request) []field {
	response, err := client.Do(request)
	if err != nil {
		return append([]field{{"ended", "head"}}, failure(err)...)
	}
	fields := []field{{"ended", "body"}, {"status", response.StatusCode}, {"version", response.Proto},
		{"url", response.Request.URL.String()}}
	var body []byte
	dropped, err := c.follow(response, &body)
	if response.Uncompressed && err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("%w in gzip", err) // the decoder's own words
	}
	if dropped {
		fields[0] = field{"ended", "dropped"}
	}
	fields = append(fields, content(body)...)
	trailers := []string{}
	for name, values := range response.Trailer {
		if values != nil { // an announced one that never came, or was not read for
			trailers = append(trailers, strings.ToLower(name)+": "+strings.Join(values, ", "))
		}
	}
	if len(trailers) > 0 {
		fields = append(fields, field{"trailers", sorted(trailers)})
	}
	return append(fields, failure(err)...)
}

// follow does what `then` says with the response; it tells whether the body was dropped before its end.
func (c *call) follow(response *http.Response, body *[]byte) (dropped bool, err error) {
	defer response.Body.Close()
	then := c.spec.Then
	if then == nil {
		then = []op{{name: "read"}}
	}
	dropped = true
	for _, o := range then {
		switch o.name {
		case "read":
			if o.arg == nil {
				dropped = false
			}
			if err := readPart(response.Body, o, body); err != nil {
				return false, err
			}
		case "upgrade":
			toTheEnd, err := c.upgraded(response, decode[[]op](o), body)
			if err != nil {
				return false, err
			}
			dropped = !toTheEnd
		case "wait":
			c.signals.wait(o.text())
		case "set":
			c.signals.set(o.text())
		case "drop":
			response.Body.Close()
		default:
			panic("unknown operation after a response: " + o.name)
		}
	}
	return dropped, nil
}

// stream is a request body that follows a script.
type stream struct {
	ops      []op
	rest     string
	signals  *signals
	request  *http.Request
	trailers [][2]string
}

func (s *stream) Read(into []byte) (int, error) {
	for s.rest == "" {
		if len(s.ops) == 0 {
			for _, trailer := range s.trailers {
				s.request.Trailer.Set(trailer[0], trailer[1])
			}
			return 0, io.EOF
		}
		o := s.ops[0]
		s.ops = s.ops[1:]
		switch o.name {
		case "chunk":
			s.rest = string(decodeSend(o).written())
		case "wait":
			s.signals.wait(o.text())
		case "set":
			s.signals.set(o.text())
		case "delay_ms":
			time.Sleep(time.Duration(o.number()) * time.Millisecond)
		case "fail":
			return 0, errBody
		default:
			panic("unknown operation of a body: " + o.name)
		}
	}
	n := copy(into, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stream) Close() error { return nil }

func (c *call) wait(timeout time.Duration) error {
	select {
	case <-c.done:
		return nil
	case <-time.After(timeout):
		return errors.New(fmt.Sprintf("request %q never ended", c.spec.Label))
	}
}
