package main

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
)

// table answers DNS queries from a scenario's `dns` section, over a pipe in memory, so that Go's own
// resolver runs (with its shared lookups and its sorting) and no packet leaves the process.
type table struct {
	answers map[string][]dnsSpec
	signals *signals
	mu      sync.Mutex
	asked   map[string]int // by name and query type: which answer is next
}

func (t *table) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go t.serve(server)
		return client, nil
	}}
}

// serve speaks DNS over a stream: two bytes of length before each message (RFC 1035, 4.2.2).
func (t *table) serve(conn net.Conn) {
	defer conn.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		answer := t.answer(query)
		message := binary.BigEndian.AppendUint16(nil, uint16(len(answer)))
		if _, err := conn.Write(append(message, answer...)); err != nil {
			return
		}
	}
}

const (
	typeA    = 1
	typeAAAA = 28
)

func (t *table) answer(query []byte) []byte {
	name, end := question(query)
	kind := binary.BigEndian.Uint16(query[end:])
	spec, known := t.next(name, kind)
	if known && spec.After != "" {
		t.signals.wait(spec.After)
	}
	var records [][]byte
	for _, addr := range spec.Addrs {
		ip := net.ParseIP(strings.Trim(addr, "[]"))
		switch v4 := ip.To4(); {
		case v4 != nil && kind == typeA:
			records = append(records, v4)
		case v4 == nil && kind == typeAAAA:
			records = append(records, ip)
		}
	}
	flags := uint16(0x8180) // a response, recursion desired and available
	if !known || spec.Fail {
		flags |= 3 // NXDOMAIN
	}
	out := append([]byte{}, query[:2]...)
	out = binary.BigEndian.AppendUint16(out, flags)
	for _, count := range []int{1, len(records), 0, 0} {
		out = binary.BigEndian.AppendUint16(out, uint16(count))
	}
	out = append(out, query[12:end+4]...)
	for _, record := range records {
		out = append(out, 0xc0, 12) // a pointer to the name in the question
		out = binary.BigEndian.AppendUint16(out, kind)
		out = append(out, 0, 1, 0, 0, 0, 0) // class IN, time to live 0
		out = binary.BigEndian.AppendUint16(out, uint16(len(record)))
		out = append(out, record...)
	}
	return out
}

// question reads the queried name; end is where its type begins.
func question(query []byte) (name string, end int) {
	var labels []string
	at := 12
	for query[at] != 0 {
		length := int(query[at])
		labels = append(labels, string(query[at+1:at+1+length]))
		at += 1 + length
	}
	return strings.ToLower(strings.Join(labels, ".")), at + 1
}

// next takes the answer for this lookup; the last one repeats.
func (t *table) next(name string, kind uint16) (dnsSpec, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	answers, known := t.answers[name]
	if !known {
		return dnsSpec{}, false
	}
	key := name + string(rune(kind))
	index := min(t.asked[key], len(answers)-1)
	t.asked[key]++
	return answers[index], true
}
