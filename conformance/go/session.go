package main

import (
	"bytes"
	"io"
	"sync"
)

// session is a peer's side of HTTP/2 over a connection. What the client sends is read in the background, and
// acknowledged there; a script waits for it.
type session struct {
	conn    io.Writer
	reader  io.Reader
	writing sync.Mutex
	silent  bool // to pings

	mu       sync.Mutex
	changed  *sync.Cond
	decoder  *decoder
	heading  frame // the HEADERS whose CONTINUATION is still to come
	streams  map[uint32]*h2Stream
	window   int // for our DATA on the whole connection
	initial  int // for our DATA on a new stream
	maxFrame int
	settled  int // how many of our SETTINGS were acknowledged
	sent     int // how many there were
	pings    int
	pongs    int
	goAway   *uint32 // its code
	gone     bool
}

// h2Stream is what came on a stream, and how much may be sent on it.
type h2Stream struct {
	head     []pair
	headEnd  bool // the head was all
	body     []byte
	owed     int // bytes of the body whose window was not given back
	trailers []pair
	ended    bool
	reset    *uint32 // its code
	window   int
}

func newSession(conn io.Writer, reader io.Reader, silent bool) *session {
	s := &session{conn: conn, reader: reader, silent: silent, decoder: newDecoder(), streams: map[uint32]*h2Stream{},
		window: 65535, initial: 65535, maxFrame: 16384}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *session) write(f frame) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err := s.conn.Write(f.bytes())
	return err
}

// read takes in what the client sends, until it sends no more.
func (s *session) read() {
	for {
		f, err := readFrame(s.reader)
		if err == nil {
			err = s.take(f)
		}
		if err != nil {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.changed.Broadcast()
}

// take notes a frame, and acknowledges what is to be acknowledged.
func (s *session) take(f frame) error {
	acknowledgement, err := s.note(f)
	if err == nil && acknowledgement != nil {
		s.write(*acknowledgement) // an error shows in the reading, too
	}
	return err
}

func (s *session) note(f frame) (acknowledgement *frame, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changed.Broadcast()
	switch f.kind {
	case frameHeaders, frameContinuation:
		return nil, s.noteBlock(f)
	case frameData:
		stream := s.stream(f.stream)
		stream.body = append(stream.body, f.content()...)
		stream.owed += len(f.payload)
		stream.ended = stream.ended || f.has(flagEnd)
	case frameReset:
		code := f.number(0)
		s.stream(f.stream).reset = &code
	case frameSettings:
		if f.has(flagAck) {
			s.settled++
			return nil, nil
		}
		s.noteSettings(f)
		return &frame{kind: frameSettings, flags: flagAck}, nil
	case framePing:
		if f.has(flagAck) {
			s.pongs++
			return nil, nil
		}
		s.pings++
		if !s.silent {
			return &frame{kind: framePing, flags: flagAck, payload: f.payload}, nil
		}
	case frameGoAway:
		code := f.number(4)
		s.goAway = &code
	case frameWindow:
		if f.stream == 0 {
			s.window += int(f.number(0))
		} else {
			s.stream(f.stream).window += int(f.number(0))
		}
	}
	return nil, nil
}

// noteBlock takes in a part of a header block; once it is whole, it is a head or trailers.
func (s *session) noteBlock(f frame) error {
	if f.kind == frameHeaders {
		s.heading = frame{flags: f.flags, stream: f.stream}
	}
	s.heading.payload = append(s.heading.payload, f.content()...)
	if !f.has(flagEndHeaders) {
		return nil
	}
	fields, err := s.decoder.fields(s.heading.payload)
	if err != nil {
		return err
	}
	stream := s.stream(f.stream)
	if stream.head == nil {
		stream.head, stream.headEnd = fields, s.heading.has(flagEnd)
	} else {
		stream.trailers = fields
	}
	stream.ended = stream.ended || s.heading.has(flagEnd)
	return nil
}

func (s *session) noteSettings(f frame) {
	for at := 0; at+6 <= len(f.payload); at += 6 {
		value := int(f.number(at + 2))
		switch int(f.payload[at])<<8 | int(f.payload[at+1]) {
		case settingInitialWindow:
			for _, stream := range s.streams {
				stream.window += value - s.initial
			}
			s.initial = value
		case settingMaxFrame:
			s.maxFrame = value
		}
	}
}

// stream is called with the lock held.
func (s *session) stream(id uint32) *h2Stream {
	if s.streams[id] == nil {
		s.streams[id] = &h2Stream{window: s.initial}
	}
	return s.streams[id]
}

// await blocks until it is so, and tells whether it came to be. The condition is asked with the lock held.
func (s *session) await(so func() bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !so() {
		if s.gone {
			return false
		}
		s.changed.Wait()
	}
	return true
}

// giveBack opens the windows again for what a stream has received.
func (s *session) giveBack(id uint32) {
	s.mu.Lock()
	stream := s.stream(id)
	owed, ended := uint32(stream.owed), stream.ended
	stream.owed = 0
	s.mu.Unlock()
	if owed == 0 {
		return
	}
	s.write(frame{kind: frameWindow, payload: numbers(owed)})
	if !ended {
		s.write(frame{kind: frameWindow, stream: id, payload: numbers(owed)})
	}
}

// sendHeaders sends a block, in as many frames as it needs.
func (s *session) sendHeaders(id uint32, block []byte, end bool) error {
	f := frame{kind: frameHeaders, stream: id}
	if end {
		f.flags = flagEnd
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	var out bytes.Buffer
	for {
		part := min(len(block), s.maxFrame)
		f.payload, block = block[:part], block[part:]
		if len(block) == 0 {
			f.flags |= flagEndHeaders
		}
		out.Write(f.bytes())
		if len(block) == 0 {
			break
		}
		f = frame{kind: frameContinuation, stream: id}
	}
	_, err := s.conn.Write(out.Bytes())
	return err
}

// sendData sends bytes as the client's windows let it; what a reset makes pointless is left out.
func (s *session) sendData(id uint32, data []byte, end bool) bool {
	for {
		part, reset := 0, false
		open := s.await(func() bool {
			stream := s.stream(id)
			part = max(min(len(data), s.window, stream.window, s.maxFrame), 0)
			reset = stream.reset != nil
			if reset {
				return true
			}
			stream.window -= part
			s.window -= part
			return part > 0 || len(data) == 0
		})
		if !open || reset {
			return open
		}
		f := frame{kind: frameData, stream: id, payload: data[:part]}
		data = data[part:]
		if end && len(data) == 0 {
			f.flags = flagEnd
		}
		if s.write(f) != nil {
			return false
		}
		if len(data) == 0 {
			return true
		}
	}
}
