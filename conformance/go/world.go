package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sort"
	"strings"
	"time"
)

const (
	// patience is for what must happen; reaching it is a fault of the scenario.
	patience = 8 * time.Second
	// settling is how long events may still come after the last step before the recording is closed.
	settling = 150 * time.Millisecond
)

// world is everything that one run of one scenario needs.
type world struct {
	scenario *scenario
	recorder *recorder
	signals  *signals
	peers    []*peer
	client   *http.Client
	calls    map[string]*call
}

// play runs a scenario once and returns its recording.
func play(s *scenario, alone bool) (lines []byte, err error) {
	if s.Client.ProxyEnv != nil && !alone {
		return playApart(s)
	}
	w := &world{scenario: s, recorder: newRecorder(), signals: newSignals(), calls: map[string]*call{}}
	defer func() {
		w.recorder.freeze()
		close(w.signals.over)
		for _, p := range w.peers {
			p.shut()
		}
		if w.client != nil {
			w.client.CloseIdleConnections()
		}
	}()
	ca := newAuthority()
	if err := w.serve(ca); err != nil {
		return nil, err
	}
	if w.client, err = w.httpClient(ca); err != nil {
		return nil, err
	}
	for at, step := range s.Steps {
		if err := w.step(step); err != nil {
			return w.recorder.lines(), fmt.Errorf("step %d (%s): %w", at+1, step.name, err)
		}
	}
	for _, label := range w.recorder.order {
		if err := w.calls[label].wait(patience); err != nil {
			return w.recorder.lines(), err
		}
	}
	time.Sleep(settling)
	w.recorder.freeze()
	return w.recorder.lines(), nil
}

// playApart runs a scenario in a process of its own.
func playApart(s *scenario) ([]byte, error) {
	command := exec.Command(must(os.Executable()), "-alone", "-scenarios", s.dir, s.name)
	for _, variable := range os.Environ() { // what this machine says about proxies is not the scenario's
		if !strings.Contains(strings.ToLower(strings.SplitN(variable, "=", 2)[0]), "_proxy") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Stderr = os.Stderr
	return command.Output()
}

func (w *world) serve(ca *authority) error {
	var hosts []string
	for host := range w.scenario.DNS {
		hosts = append(hosts, host)
	}
	kinds := certificates(ca, hosts)
	for name, spec := range w.scenario.Peers {
		p := &peer{name: name, spec: spec, certificates: kinds, recorder: w.recorder, signals: w.signals}
		w.peers = append(w.peers, p)
		if err := p.listen(); err != nil {
			return err
		}
		w.recorder.ports[name] = p.port
	}
	return nil
}

func (w *world) httpClient(ca *authority) (*http.Client, error) {
	spec := w.scenario.Client
	proxy, err := w.proxyOf(spec)
	if err != nil {
		return nil, err
	}
	names := &table{answers: w.scenario.DNS, signals: w.signals, asked: map[string]int{}}
	milliseconds := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	settings := &tls.Config{RootCAs: ca.pool()}
	if spec.Resume {
		settings.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Resolver: names.resolver()}).DialContext,
		TLSClientConfig:        settings,
		Proxy:                  proxy,
		MaxResponseHeaderBytes: spec.MaxResponseHeadBytes,
		DisableCompression:     !spec.Compression,
		DisableKeepAlives:      spec.KeepAlive != nil && !*spec.KeepAlive,
		MaxIdleConns:           spec.MaxIdle,
		MaxIdleConnsPerHost:    spec.MaxIdlePerHost,
		MaxConnsPerHost:        spec.MaxConnsPerHost,
		IdleConnTimeout:        milliseconds(spec.IdleTimeoutMs),
		ResponseHeaderTimeout:  milliseconds(spec.ResponseHeadTimeoutMs),
		TLSHandshakeTimeout:    milliseconds(spec.TLSHandshakeTimeoutMs),
		ExpectContinueTimeout:  milliseconds(spec.ExpectTimeoutMs),
		Protocols:              protocols(spec.HTTP2),
		HTTP2: &http.HTTP2Config{
			StrictMaxConcurrentRequests: spec.StrictMaxStream,
			SendPingTimeout:             milliseconds(spec.PingAfterMs),
			PingTimeout:                 milliseconds(spec.PingTimeoutMs),
		},
	}
	client := &http.Client{Transport: transport}
	if spec.Redirects != nil && !*spec.Redirects {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return client, nil
}

// protocols are those that a transport may speak. Nil is Go's default, which with settings of TLS's own is HTTP/1.1 alone.
func protocols(http2 string) *http.Protocols {
	spoken := new(http.Protocols)
	switch http2 {
	case "":
		return nil
	case "tls":
		spoken.SetHTTP1(true)
	case "prior_knowledge":
		spoken.SetUnencryptedHTTP2(true)
	default:
		panic("http2 is tls or prior_knowledge, not " + http2)
	}
	spoken.SetHTTP2(true)
	return spoken
}

func (w *world) step(o op) error {
	switch o.name {
	case "start":
		spec := decode[requestSpec](o)
		c, err := w.start(spec)
		w.calls[spec.Label] = c
		return err
	case "await":
		return w.recorder.await(decode[awaitSpec](o), patience)
	case "end":
		return w.calls[o.text()].wait(patience)
	case "cancel":
		w.calls[o.text()].cancel()
	case "wait":
		return w.signals.waitFor(o.text(), patience)
	case "set":
		w.signals.set(o.text())
	case "close_idle":
		w.client.CloseIdleConnections()
	case "delay_ms":
		time.Sleep(time.Duration(o.number()) * time.Millisecond)
	default:
		return fmt.Errorf("unknown step")
	}
	return nil
}

// filled puts ports in the place of `${peer}`.
func (r *recorder) filled(text string) string {
	for name, port := range r.ports {
		text = strings.ReplaceAll(text, "${"+name+"}", port)
	}
	return text
}

func sorted(texts []string) []string {
	sort.Strings(texts)
	return texts
}
