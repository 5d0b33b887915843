package main

import (
	"encoding/hex"
	"io"
	"sort"
	"strings"
)

// h2Spec is how a session begins: the settings that the peer sends, by name.
type h2Spec struct {
	Settings      map[string]uint32 `json:"settings"`
	SilentToPings bool              `json:"silent_to_pings"`
}

type h2SendSpec struct {
	Request int         `json:"request"`
	Fields  [][2]string `json:"fields"`
	Text    string      `json:"text"`
	Times   int         `json:"times"`
	Hex     string      `json:"hex"`
	Type    byte        `json:"type"`
	Flags   byte        `json:"flags"`
	Bytes   int         `json:"bytes"`
	End     bool        `json:"end"`
	Code    string      `json:"code"`
	Last    int         `json:"last"`
	Debug   string      `json:"debug"`
}

// streamOf is the stream of the n-th request on a connection; 0 is the connection itself.
func streamOf(request int) uint32 { return uint32(max(2*request-1, 0)) }

// asHTTP2 does what only a peer that speaks HTTP/2 does.
func (c *connection) asHTTP2(o op) bool {
	switch {
	case o.name == "h2", o.name == "h2_handshake":
		return c.startHTTP2(o)
	case !strings.HasPrefix(o.name, "h2_"):
		return c.asProxy(o)
	case c.h2 == nil:
		panic(o.name + " without h2")
	case strings.HasPrefix(o.name, "h2_send_"):
		return c.sendHTTP2(o)
	}
	return c.awaitHTTP2(o)
}

// startHTTP2 reads the preface and sends settings. From then on frames are read in the background.
func (c *connection) startHTTP2(o op) bool {
	spec := h2Spec{}
	if o.arg != nil {
		spec = decode[h2Spec](o)
	}
	greeting := make([]byte, len(preface))
	_, err := io.ReadFull(c.reader, greeting)
	if err == nil && string(greeting) != preface {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return c.still("h2", err)
	}
	c.h2 = newSession(c.conn, c.reader, spec.SilentToPings)
	if c.sendSettings(spec.Settings) != nil {
		return false
	}
	go c.h2.read()
	return true
}

func (c *connection) sendSettings(settings map[string]uint32) error {
	var names []string
	for name := range settings {
		names = append(names, name)
	}
	f := frame{kind: frameSettings}
	for _, name := range sorted(names) {
		number, known := settingNumbers[name]
		if !known {
			panic("no setting is called " + name)
		}
		f.payload = append(append(f.payload, byte(number>>8), byte(number)), numbers(settings[name])...)
	}
	c.h2.mu.Lock()
	c.h2.sent++
	c.h2.mu.Unlock()
	return c.h2.write(f)
}

// sendHTTP2 sends frames; a client that is gone ends the script.
func (c *connection) sendHTTP2(o op) bool {
	switch o.name {
	case "h2_send_settings": // and waits until the client has them
		if c.sendSettings(decode[map[string]uint32](o)) != nil {
			return false
		}
		return c.h2.await(func() bool { return c.h2.settled == c.h2.sent })
	case "h2_send_ping": // and waits for the answer
		c.h2.mu.Lock()
		before := c.h2.pongs
		c.h2.mu.Unlock()
		if c.h2.write(frame{kind: framePing, payload: []byte("01234567")}) != nil {
			return false
		}
		return c.h2.await(func() bool { return c.h2.pongs > before })
	}
	spec := decode[h2SendSpec](o)
	id := streamOf(spec.Request)
	switch o.name {
	case "h2_send_headers":
		for at := range spec.Fields {
			spec.Fields[at][1] = c.filled(spec.Fields[at][1])
		}
		return c.h2.sendHeaders(id, encodeFields(spec.Fields), spec.End) == nil
	case "h2_send_data":
		data := sendSpec{Text: spec.Text, Times: spec.Times, Hex: spec.Hex}
		return c.h2.sendData(id, data.written(), spec.End)
	case "h2_send_reset":
		return c.h2.write(frame{kind: frameReset, stream: id, payload: numbers(codeNumber(spec.Code))}) == nil
	case "h2_send_goaway":
		payload := append(numbers(streamOf(spec.Last), codeNumber(spec.Code)), spec.Debug...)
		return c.h2.write(frame{kind: frameGoAway, payload: payload}) == nil
	case "h2_send_window":
		return c.h2.write(frame{kind: frameWindow, stream: id, payload: numbers(uint32(spec.Bytes))}) == nil
	case "h2_send_frame":
		payload := must(hex.DecodeString(strings.ReplaceAll(spec.Hex, " ", "")))
		return c.h2.write(frame{kind: spec.Type, flags: spec.Flags, stream: id, payload: payload}) == nil
	}
	panic("unknown operation of a peer: " + o.name)
}

// awaitHTTP2 waits for what the client sends, and records it.
func (c *connection) awaitHTTP2(o op) bool {
	switch o.name {
	case "h2_headers":
		return c.awaitHead(o.number())
	case "h2_body":
		return c.awaitBody(o.number())
	case "h2_data":
		spec := decode[h2SendSpec](o)
		stream := c.h2Stream(spec.Request)
		return c.came(o, func() bool { return len(stream.body) >= spec.Bytes || stream.reset != nil })
	case "h2_reset":
		request := decode[int](o)
		stream := c.h2Stream(request)
		if !c.came(o, func() bool { return stream.reset != nil }) {
			return false
		}
		c.recorder.add(c.name, "wire", "stream_reset", field{"request", request}, field{"code", codeName(*stream.reset)})
	case "h2_goaway":
		if !c.came(o, func() bool { return c.h2.goAway != nil }) {
			return false
		}
		c.recorder.add(c.name, "wire", "goaway", field{"code", codeName(*c.h2.goAway)})
	case "h2_ping":
		return c.came(o, func() bool { return c.h2.pings > 0 })
	default:
		panic("unknown operation of a peer: " + o.name)
	}
	return true
}

// came waits, and notes a client that went away instead.
func (c *connection) came(o op, so func() bool) bool {
	if c.h2.await(so) {
		return true
	}
	return c.still(o.name, io.ErrUnexpectedEOF)
}

func (c *connection) h2Stream(request int) *h2Stream {
	c.h2.mu.Lock()
	defer c.h2.mu.Unlock()
	return c.h2.stream(streamOf(request))
}

func (c *connection) awaitHead(request int) bool {
	stream := c.h2Stream(request)
	if !c.came(op{name: "h2_headers"}, func() bool { return stream.head != nil }) {
		return false
	}
	c.recorder.add(c.name, "wire", "request_head", field{"request", request},
		field{"headers", fieldLines(stream.head)}, field{"end", stream.headEnd})
	return true
}

// awaitBody reads to the end of a stream, and keeps its windows open; a reset ends it, too.
func (c *connection) awaitBody(request int) bool {
	stream, id := c.h2Stream(request), streamOf(request)
	for over := false; !over; {
		if !c.came(op{name: "h2_body"}, func() bool {
			over = stream.ended || stream.reset != nil
			return over || stream.owed > 0
		}) {
			return false
		}
		c.h2.giveBack(id)
	}
	c.h2.mu.Lock()
	defer c.h2.mu.Unlock()
	switch {
	case !stream.ended:
		c.recorder.add(c.name, "wire", "stream_reset", field{"request", request},
			field{"code", codeName(*stream.reset)}, field{"during", "h2_body"})
	case !stream.headEnd:
		fields := append([]field{{"request", request}}, content(stream.body)...)
		c.recorder.add(c.name, "wire", "request_body", append(fields, field{"trailers", fieldLines(stream.trailers)})...)
	}
	return true
}

// fieldLines sorts by name, since Go sends fields in random order; values of one name stay in theirs.
func fieldLines(fields []pair) []string {
	fields = append([]pair{}, fields...)
	sort.SliceStable(fields, func(i, j int) bool { return fields[i].name < fields[j].name })
	lines := []string{}
	for _, field := range fields {
		lines = append(lines, field.name+": "+field.value)
	}
	return lines
}
