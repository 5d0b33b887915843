package main

import (
	"encoding/binary"
	"io"
	"strconv"
)

// The types of frames, their flags, and the settings, as RFC 9113 numbers them.
const (
	frameData         = 0
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameWindow       = 8
	frameContinuation = 9

	flagEnd        = 0x1 // of the stream
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20

	settingInitialWindow = 4
	settingMaxFrame      = 5
)

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// settingNumbers are the settings that a script can name.
var settingNumbers = map[string]uint16{
	"header_table_size":       1,
	"enable_push":             2,
	"max_concurrent_streams":  3,
	"initial_window_size":     settingInitialWindow,
	"max_frame_size":          settingMaxFrame,
	"max_header_list_size":    6,
	"enable_connect_protocol": 8,
}

// codeNames are the error codes, by number.
var codeNames = []string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
	"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
	"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

func codeName(code uint32) string {
	if int(code) < len(codeNames) {
		return codeNames[code]
	}
	return strconv.Itoa(int(code))
}

// codeNumber panics at a name that is none: that is a fault of the scenario.
func codeNumber(name string) uint32 {
	for number, known := range codeNames {
		if known == name {
			return uint32(number)
		}
	}
	return uint32(must(strconv.ParseUint(name, 10, 32)))
}

// frame is one frame as it goes over the wire.
type frame struct {
	kind    byte
	flags   byte
	stream  uint32
	payload []byte
}

func (f frame) has(flag byte) bool { return f.flags&flag != 0 }

func (f frame) bytes() []byte {
	length := len(f.payload)
	out := []byte{byte(length >> 16), byte(length >> 8), byte(length), f.kind, f.flags}
	out = binary.BigEndian.AppendUint32(out, f.stream)
	return append(out, f.payload...)
}

func readFrame(from io.Reader) (frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return frame{}, err
	}
	length := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	f := frame{kind: head[3], flags: head[4], stream: binary.BigEndian.Uint32(head[5:]) &^ (1 << 31)}
	f.payload = make([]byte, length)
	_, err := io.ReadFull(from, f.payload)
	return f, err
}

// content is a payload without its padding and its priority.
func (f frame) content() []byte {
	content := f.payload
	if f.has(flagPadded) {
		content = content[1 : len(content)-int(content[0])]
	}
	if f.kind == frameHeaders && f.has(flagPriority) {
		content = content[5:]
	}
	return content
}

// number reads the number at that place of a payload.
func (f frame) number(at int) uint32 { return binary.BigEndian.Uint32(f.payload[at:]) }

func numbers(values ...uint32) []byte {
	var out []byte
	for _, value := range values {
		out = binary.BigEndian.AppendUint32(out, value)
	}
	return out
}
