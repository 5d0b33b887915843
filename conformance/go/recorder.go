package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"sync"
	"time"
)

// field is one key of a line; a list keeps the order in which a reader wants to see them.
type field struct {
	key   string
	value any
}

// recorder collects the lines of one run of one scenario.
type recorder struct {
	mu      sync.Mutex
	changed *sync.Cond
	groups  map[string][]event // by "label/side", or "client address/wire"
	frozen  bool
	order   []string // labels in the order in which they were started
	ports   map[string]string
	// accepted maps the client's address of a connection to the peer that accepted it, and accepts keeps their order.
	accepted map[string]string
	accepts  []string
}

type event struct {
	name   string
	fields []field
}

func newRecorder() *recorder {
	r := &recorder{groups: map[string][]event{}, ports: map[string]string{}, accepted: map[string]string{}}
	r.changed = sync.NewCond(&r.mu)
	return r
}

func (r *recorder) add(label, side, name string, fields ...field) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.frozen {
		return
	}
	key := label + "/" + side
	r.groups[key] = append(r.groups[key], event{name, fields})
	r.changed.Broadcast()
}

// await blocks until the label has count events of that name, on whatever side.
func (r *recorder) await(want awaitSpec, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	stop := time.AfterFunc(timeout, r.changed.Broadcast)
	defer stop.Stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		seen := 0
		for key, events := range r.groups {
			if strings.HasPrefix(key, want.Label+"/") {
				for _, e := range events {
					if e.name == want.Event {
						seen++
					}
				}
			}
		}
		if seen >= max(want.Count, 1) {
			return nil
		}
		if !time.Now().Before(deadline) {
			return fmt.Errorf("no %s of %q", want.Event, want.Label)
		}
		r.changed.Wait()
	}
}

func (r *recorder) freeze() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frozen = true
}

var sides = []string{"caller", "dial", "loser", "write", "read", "outcome"}

// lines renders the recording: requests in the order they were started, side by side, then the peers' view.
func (r *recorder) lines() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out bytes.Buffer
	names := r.connectionNames()
	for _, label := range r.order {
		for _, side := range sides {
			for _, e := range inOrder(r.groups[label+"/"+side]) {
				r.line(&out, []field{{"label", label}, {"side", side}, {"event", e.name}}, e.fields, names)
			}
		}
	}
	accepts := append([]string{}, r.accepts...)
	sort.Slice(accepts, func(i, j int) bool { return names[accepts[i]] < names[accepts[j]] })
	for _, addr := range accepts {
		for _, e := range r.groups[addr+"/wire"] {
			r.line(&out, []field{{"connection", names[addr]}, {"side", "wire"}, {"event", e.name}}, e.fields, nil)
		}
	}
	return out.Bytes()
}

// inOrder sorts the fields of a head of HTTP/2, which Go writes in random order, by name.
func inOrder(events []event) []event {
	events = append([]event{}, events...)
	isField := func(e event) bool { return e.name == "wrote_header_field" }
	for at := 0; at < len(events); at++ {
		end := at
		for end < len(events) && isField(events[end]) {
			end++
		}
		run := events[at:end]
		named := func(i int) string { return run[i].fields[0].value.(string) }
		for i := range run {
			if strings.HasPrefix(named(i), ":") {
				sort.SliceStable(run, func(i, j int) bool { return named(i) < named(j) })
				break
			}
		}
		at = max(at, end)
	}
	return events
}

// connectionNames numbers each peer's connections in the order in which the requests, as listed, got them; those that
// no request got follow in the order of their acceptance. Which of two connections dialled at once is accepted first
// is nobody's promise, and so must not show.
func (r *recorder) connectionNames() map[string]string {
	names, count := map[string]string{}, map[string]int{}
	name := func(addr string) {
		if peer, known := r.accepted[addr]; known && names[addr] == "" {
			count[peer]++
			names[addr] = fmt.Sprintf("%s#%d", peer, count[peer])
		}
	}
	for _, label := range r.order {
		for _, e := range r.groups[label+"/caller"] {
			for _, f := range e.fields {
				if f.key == "connection" {
					name(f.value.(string))
				}
			}
		}
	}
	for _, addr := range r.accepts {
		name(addr)
	}
	return names
}

// accept notes which peer a connection came to.
func (r *recorder) accept(peer, addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted[addr] = peer
	r.accepts = append(r.accepts, addr)
}

func (r *recorder) line(out *bytes.Buffer, head, fields []field, names map[string]string) {
	out.WriteByte('{')
	for i, f := range append(head, fields...) {
		if i > 0 {
			out.WriteByte(',')
		}
		if f.key == "connection" && names != nil {
			f.value = names[f.value.(string)]
		}
		fmt.Fprintf(out, "%s:%s", encode(f.key), r.named(encode(f.value)))
	}
	out.WriteString("}\n")
}

func encode(value any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

var (
	localEnd   = regexp.MustCompile(`(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:]+\]):\d+->`)
	nameServer = regexp.MustCompile(`(lookup \S+) on \S+:53:`)
)

// named puts peers' names in the place of their ports, which differ from run to run, and leaves out what is this
// machine's: ports of our own, and the name server that its settings name and nobody asks.
func (r *recorder) named(text string) string {
	text = localEnd.ReplaceAllString(text, "client->")
	text = nameServer.ReplaceAllString(text, "$1:")
	for name, port := range r.ports {
		text = strings.ReplaceAll(text, ":"+port, ":{"+name+"}")
	}
	return text
}

// compare shows where two recordings part, and "" if they do not.
func compare(one, other []byte) string {
	was, is := withoutText(one), withoutText(other)
	for at := 0; at < len(was) || at < len(is); at++ {
		if at < len(was) && at < len(is) && was[at] == is[at] {
			continue
		}
		return "  was: " + strings.Join(was[at:min(at+3, len(was))], "\n       ") +
			"\n  is:  " + strings.Join(is[at:min(at+3, len(is))], "\n       ")
	}
	return ""
}

// withoutText drops the fields that are for readers only, so that two runs can be compared.
func withoutText(lines []byte) []string {
	var kept []string
	for _, line := range strings.Split(strings.TrimSpace(string(lines)), "\n") {
		if at := strings.Index(line, `,"text":`); at >= 0 {
			line = line[:at] + "}" // `text` is always the last key
		}
		kept = append(kept, line)
	}
	return kept
}
